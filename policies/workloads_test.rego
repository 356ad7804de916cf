package shop.workloads_test

import data.shop.fixtures
import data.shop.workloads

permitted(namespace, account, service) if {
	workloads.caller_permitted with input as fixtures.in_mesh(
		fixtures.workload(namespace, account), "GET",
		service, [""],
	)
}

test_the_directory_says_who_calls_whom if {
	permitted("shop", "web", "catalog")
	permitted("shop", "orders", "catalog")
	permitted("shop", "web", "orders")
	permitted("shop", "web", "payments")
	permitted("shop", "orders", "payments")
	permitted("shop", "web", "foo")
}

test_nobody_else_does if {
	not permitted("shop", "payments", "catalog")
	not permitted("shop", "catalog", "orders")
	not permitted("shop", "catalog", "payments")
	not permitted("dev", "web", "orders")
	not permitted("shop", "web", "ledger")
}

test_a_star_means_every_account_of_a_namespace if {
	permitted("dev", "anything", "foo")
	not permitted("lab", "anything", "foo")
}

test_a_workload_of_a_foreign_trust_domain_is_not_permitted if {
	foreign := object.union(
		fixtures.workload("shop", "web"),
		{"workload": {"trustDomain": "evil.example"}},
	)
	not workloads.caller_permitted with input as fixtures.in_mesh(foreign, "GET", "orders", [""])
	workloads.caller_known with input as fixtures.in_mesh(foreign, "GET", "orders", [""])
}

test_the_gateway_is_permitted_without_a_workload if {
	workloads.caller_permitted with input as fixtures.at_gateway({}, "GET", "orders", [""])
	workloads.caller_known with input as fixtures.at_gateway({}, "GET", "orders", [""])
}

test_a_workload_at_the_gateway_is_still_a_workload if {
	not workloads.caller_permitted with input as fixtures.at_gateway(
		fixtures.workload("shop", "catalog"),
		"GET",
		"orders",
		[""],
	)
}

test_nobody_in_the_mesh_is_unknown if {
	not workloads.caller_known with input as fixtures.in_mesh({}, "GET", "orders", [""])
	not workloads.caller_permitted with input as fixtures.in_mesh({}, "GET", "orders", [""])
}

test_services_are_known_by_name_and_namespace if {
	workloads.service_known with input.attributes.contextExtensions as {"service": "orders"}
	not workloads.service_known with input.attributes.contextExtensions as {
		"namespace": "lab",
		"service": "orders",
	}
	not workloads.service_known with input as {}
}
