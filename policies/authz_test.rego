package envoy.authz_test

import data.envoy.authz
import data.shop.fixtures

web_for(identity) := object.union(fixtures.workload("shop", "web"), identity)

test_a_permitted_request_carries_its_ground_and_the_user if {
	authz.allow == {
		"allowed": true,
		"reason": "orders_read",
		"headers": {"x-verdict-principal": "alice"},
	} with input as fixtures.at_gateway(fixtures.alice, "GET", "orders", ["orders", "1"])
}

test_of_several_grounds_the_first_by_name_is_the_reason if {
	authz.allow.reason == "public_catalogue" with input as fixtures.at_gateway(
		fixtures.alice,
		"GET",
		"catalog",
		["catalog"],
	)
		with data.shop.access.grounds as {"public_catalogue", "zeal"}
}

test_what_nothing_permits_is_denied_with_a_body_that_says_so if {
	authz.allow == {
		"allowed": false,
		"reason": "not_permitted",
		"http_status": 403,
		"headers": {"content-type": "application/json"},
		"body": `{"error":"not_permitted"}`,
	} with input as fixtures.at_gateway(fixtures.alice, "DELETE", "orders", ["orders", "1"])
}

test_a_request_without_a_login_is_challenged if {
	decision := authz.allow with input as fixtures.at_gateway(
		fixtures.anonymous,
		"GET",
		"orders",
		["orders", "1"],
	)
	decision == {
		"allowed": false,
		"reason": "login_required",
		"http_status": 401,
		"headers": {"content-type": "application/json", "www-authenticate": `Bearer realm="shop"`},
		"body": `{"error":"login_required"}`,
	}
}

test_an_invalid_token_is_no_login if {
	decision := authz.allow with input as fixtures.at_gateway(
		object.union(fixtures.alice, {"status": "invalid"}),
		"GET",
		"orders",
		["orders", "1"],
	)
	decision.reason == "login_required"
}

test_a_token_that_nobody_verified_is_no_login if {
	decision := authz.allow with input as fixtures.at_gateway(
		object.union(fixtures.alice, {"status": "unverified"}),
		"GET",
		"orders",
		["orders", "1"],
	)
	decision.reason == "token_not_verified"
	decision.http_status == 401
}

test_the_catalogue_is_public if {
	authz.allow.allowed with input as fixtures.at_gateway(
		fixtures.anonymous,
		"GET",
		"catalog",
		["catalog", "items"],
	)
}

test_workload_and_user_together_are_permitted if {
	decision := authz.allow with input as fixtures.in_mesh(
		web_for(fixtures.alice),
		"GET",
		"orders",
		["orders", "1"],
	)
	decision.allowed
	decision.headers == {"x-verdict-principal": "alice"}
}

test_a_permitted_workload_without_the_user_is_challenged if {
	authz.allow.reason == "login_required" with input as fixtures.in_mesh(
		web_for(fixtures.anonymous),
		"GET",
		"orders",
		["orders", "1"],
	)
}

test_a_permitted_user_through_another_workload_is_denied if {
	authz.allow.reason == "workload_not_permitted" with input as fixtures.in_mesh(
		object.union(fixtures.workload("shop", "catalog"), fixtures.alice),
		"GET",
		"orders",
		["orders", "1"],
	)
}

test_a_permitted_user_without_a_workload_is_denied_inside_the_mesh if {
	authz.allow.reason == "workload_required" with input as fixtures.in_mesh(
		fixtures.alice,
		"GET",
		"orders",
		["orders", "1"],
	)
}

test_a_service_outside_the_directory_is_denied if {
	authz.allow.reason == "unknown_service" with input as fixtures.at_gateway(
		fixtures.alice,
		"GET",
		"ledger",
		["ledger"],
	)
}

test_anybody_may_check_health if {
	authz.allow == {
		"allowed": true,
		"reason": "health_check",
		"headers": {"x-verdict-principal": "anonymous"},
	} with input as fixtures.in_mesh(fixtures.anonymous, "GET", "orders", ["healthz"])
}

test_development_reads_foo if {
	authz.allow.reason == "foo_used" with input as fixtures.in_mesh(
		object.union(fixtures.workload("dev", "tool"), fixtures.anonymous),
		"GET",
		"foo",
		["foo"],
	)
}

test_development_does_not_post_to_foo if {
	decision := authz.allow with input as fixtures.in_mesh(
		object.union(fixtures.workload("dev", "tool"), fixtures.anonymous),
		"POST",
		"foo",
		["foo"],
	)
	decision.reason == "dev_post_to_foo"
	decision.http_status == 403
}

test_an_explicit_deny_wins_over_everything if {
	denied := fixtures.at_gateway(
		object.union(fixtures.workload("dev", "tool"), fixtures.alice),
		"POST",
		"foo",
		["healthz"],
	)
	authz.allow.reason == "dev_post_to_foo" with input as denied
		with data.shop.request.is_health_check as true
}

test_who_reads_the_audit_log_is_decided_by_its_own_policy if {
	asked := {
		"attributes": {
			"destination": {"service": "verdict-audit"},
			"request": {"http": {"host": "verdict-audit", "method": "GET"}},
		},
		"identity": fixtures.user("auditor", ["audit:read"]),
		"parsed_path": ["v1", "decisions"],
	}
	authz.allow == {"allowed": true, "reason": "audit:read"} with input as asked
	denied := authz.allow with input as object.union(asked, {"identity": fixtures.alice})
	denied.reason == "audit_permission_missing"
}

test_an_empty_input_is_denied if {
	not authz.allow.allowed with input as {}
}
