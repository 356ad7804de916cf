# METADATA
# title: Requests and callers that the tests speak of
package shop.fixtures

anonymous := {"status": "anonymous"}

alice := user("alice", ["customer"])

bob := user("bob", ["support"])

user(name, roles) := {
	"status": "verified",
	"issuer": "https://demo.verdict.example",
	"subject": name,
	"claims": {"sub": name, "roles": roles},
}

# METADATA
# title: The workload of an identity
workload(namespace, account) := {"workload": {
	"id": concat("/", ["spiffe://shop.example/ns", namespace, "sa", account]),
	"trustDomain": "shop.example",
	"path": concat("/", ["/ns", namespace, "sa", account]),
	"namespace": namespace,
	"serviceAccount": account,
	"from": "source.principal",
}}

# METADATA
# title: A request as Envoy asks at the gateway, where the route names the service
at_gateway(identity, method, service, segments) := {
	"attributes": {
		"contextExtensions": {"namespace": "shop", "service": service},
		"request": {"http": {"host": "shop.example", "method": method}},
	},
	"identity": identity,
	"parsed_path": segments,
}

# METADATA
# title: A request as a sidecar asks, where the destination is a workload
in_mesh(identity, method, service, segments) := {
	"attributes": {
		"destination": {"principal": concat("", ["spiffe://shop.example/ns/shop/sa/", service])},
		"request": {"http": {"host": "10.0.0.9", "method": method}},
	},
	"identity": identity,
	"parsed_path": segments,
}
