# METADATA
# title: What is asked
# description: The parts of Envoy's request that the rules speak of, each read in one place.
package shop.request

# METADATA
# description: The HTTP method, case-sensitive, as HTTP has it.
default method := ""

method := input.attributes.request.http.method

# METADATA
# description: The path in segments, without the query.
default path := []

path := input.parsed_path

# METADATA
# description: |
#   The destination: named by the route of the gateway, else by the workload that was called, else by its service
#   name, else by the first label of the host.
destination := {"namespace": namespace, "service": service} if {
	service := input.attributes.contextExtensions.service
	namespace := object.get(
		input.attributes.contextExtensions, "namespace",
		data.directory.default_namespace,
	)
} else := {"namespace": namespace, "service": service} if {
	["spiffe:", "", _, "ns", namespace, "sa", service] = split(
		input.attributes.destination.principal,
		"/",
	)
} else := {"namespace": data.directory.default_namespace, "service": service} if {
	service := input.attributes.destination.service
	service != ""
} else := {"namespace": data.directory.default_namespace, "service": host_labels[0]}

# METADATA
# scope: document
# description: |
#   Requests through the edge gateway, which names the service in the route, or serves it under a
#   public domain. Callers out there have no workload identity, so the user's rules alone decide. A
#   sidecar names the workload that it stands before: the host that a caller invents makes no
#   gateway of it.
via_gateway if input.attributes.contextExtensions.service

via_gateway if {
	object.get(input.attributes, ["destination", "principal"], "") == ""
	domain := concat(".", array.slice(host_labels, 1, count(host_labels)))
	domain in data.directory.gateway_domains
}

# METADATA
# title: Health checks
# description: Anybody may ask whether a service is alive, without a login.
# custom:
#   id: health_check
is_health_check if {
	method in {"GET", "HEAD"}
	path == ["healthz"]
}

# METADATA
# description: The host in labels, in lower case and without the port.
default host_labels := [""]

host_labels := split(split(lower(input.attributes.request.http.host), ":")[0], ".")
