package shop.request_test

import data.shop.request

destination(attributes) := named if {
	named := request.destination with input.attributes as attributes
}

test_the_route_names_the_destination_before_all_others if {
	destination({
		"contextExtensions": {"namespace": "lab", "service": "orders"},
		"destination": {"principal": "spiffe://shop.example/ns/shop/sa/web", "service": "web"},
		"request": {"http": {"host": "catalog.shop"}},
	}) == {"namespace": "lab", "service": "orders"}
}

test_a_route_without_a_namespace_means_ours if {
	attributes := {"contextExtensions": {"service": "orders"}}
	destination(attributes) == {"namespace": "shop", "service": "orders"}
}

test_the_workload_that_is_called_names_the_destination if {
	called := {"principal": "spiffe://shop.example/ns/lab/sa/orders", "service": "web"}
	destination({"destination": called}) == {"namespace": "lab", "service": "orders"}
}

test_the_service_name_names_the_destination if {
	called := {"principal": "CN=web", "service": "orders"}
	destination({"destination": called}) == {"namespace": "shop", "service": "orders"}
}

test_the_host_names_the_destination_when_nothing_else_does if {
	destination({
		"destination": {"principal": "", "service": ""},
		"request": {"http": {"host": "Orders.shop:8080"}},
	}) == {"namespace": "shop", "service": "orders"}
}

test_without_a_host_the_destination_has_no_name if {
	destination({}) == {"namespace": "shop", "service": ""}
}

test_a_named_route_is_the_gateway if {
	request.via_gateway with input.attributes as {"contextExtensions": {"service": "orders"}}
}

test_a_public_domain_is_the_gateway if {
	request.via_gateway with input.attributes.request.http.host as "ORDERS.Shop:80"
}

test_other_hosts_are_not_the_gateway if {
	every host in ["orders", "shop", "orders.shop.svc", "orders.workshop", "10.0.0.9:80", ""] {
		not request.via_gateway with input.attributes.request.http.host as host
	}
	not request.via_gateway with input as {}
}

test_a_public_host_at_a_sidecar_is_not_the_gateway if {
	not request.via_gateway with input.attributes as {
		"destination": {"principal": "spiffe://shop.example/ns/shop/sa/orders"},
		"request": {"http": {"host": "orders.shop"}},
	}
}

test_health_is_one_path_and_reading_only if {
	request.is_health_check with request.method as "GET" with request.path as ["healthz"]
	request.is_health_check with request.method as "HEAD" with request.path as ["healthz"]
	not request.is_health_check with request.method as "POST" with request.path as ["healthz"]
	not request.is_health_check with request.method as "GET" with request.path as ["healthz", "x"]
	not request.is_health_check with input as {}
}

test_without_a_request_nothing_is_asked if {
	request.method == "" with input as {}
	request.path == [] with input as {}
}
