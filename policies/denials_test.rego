package shop.denials_test

import data.shop.denials
import data.shop.fixtures

test_post_from_dev_to_foo_is_denied if {
	denials.reasons == {"dev_post_to_foo"} with input as fixtures.in_mesh(
		fixtures.workload("dev", "tool"),
		"POST",
		"foo",
		["foo"],
	)
}

test_get_from_dev_to_foo_is_not if {
	denials.reasons == set() with input as fixtures.in_mesh(
		fixtures.workload("dev", "tool"),
		"GET",
		"foo",
		["foo"],
	)
}

test_post_from_another_namespace_to_foo_is_not if {
	denials.reasons == set() with input as fixtures.in_mesh(
		fixtures.workload("shop", "web"),
		"POST",
		"foo",
		["foo"],
	)
}

test_post_from_dev_to_another_service_is_not if {
	denials.reasons == set() with input as fixtures.in_mesh(
		fixtures.workload("dev", "tool"),
		"POST",
		"catalog",
		["catalog"],
	)
}

test_foo_of_every_namespace_is_meant if {
	denials.reasons == {"dev_post_to_foo"} with input as {
		"attributes": {
			"contextExtensions": {"namespace": "prod", "service": "foo"},
			"request": {"http": {"method": "POST"}},
		},
		"identity": fixtures.workload("dev", "tool"),
	}
}
