# METADATA
# title: Workload to workload
# description: Which workload may call which service, as `data.directory.callers` lists it.
package shop.workloads

import data.shop.request

# METADATA
# title: The calling workload
# description: A verified SPIFFE ID of a trust domain that is ours; undefined for all others.
caller := input.identity.workload if {
	input.identity.workload.trustDomain in data.directory.trust_domains
}

# METADATA
# title: Services of the directory
service_known if callers

# METADATA
# title: Callers that can be judged
# description: A workload, or somebody out there whose request came through the gateway.
caller_known if input.identity.workload

caller_known if request.via_gateway

# METADATA
# title: Callers that are permitted
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
# title: The callers of the destination, accounts by namespace
callers := data.directory.callers[request.destination.namespace][request.destination.service]
