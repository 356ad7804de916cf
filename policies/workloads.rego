# METADATA
# title: Workload to workload
# description: Which workload may call which service, as `data.directory.callers` lists it.
package shop.workloads

import data.shop.request

# METADATA
# description: |
#   The calling workload, by a verified SPIFFE ID of a trust domain that is ours; undefined for all
#   others.
caller := input.identity.workload if {
	input.identity.workload.trustDomain in data.directory.trust_domains
}

# METADATA
# description: Services of the directory.
service_known if callers

# METADATA
# scope: document
# description: Callers that can be judged, a workload or somebody who came through the gateway.
caller_known if input.identity.workload

caller_known if request.via_gateway

# METADATA
# scope: document
# description: |
#   A workload where the directory lists it; without a workload, whatever comes through the gateway.
caller_permitted if {
	request.via_gateway
	not input.identity.workload
}

caller_permitted if {
	some account in callers[caller.namespace]
	account in {caller.serviceAccount, "*"}
}

# METADATA
# description: The callers of the destination, accounts by namespace.
callers := data.directory.callers[request.destination.namespace][request.destination.service]
