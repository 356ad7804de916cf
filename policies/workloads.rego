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
# title: Services of the directory
# custom:
#   id: service_known
service_known if callers

# METADATA
# scope: document
# title: Callers that can be judged
# description: A workload, or somebody out there whose request came through the gateway.
# custom:
#   id: caller_known
caller_known if input.identity.workload

caller_known if request.via_gateway

# METADATA
# scope: document
# title: Callers that are permitted
# description: |
#   A workload where the directory lists it; without a workload, whatever comes through the gateway.
# custom:
#   id: caller_permitted
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
