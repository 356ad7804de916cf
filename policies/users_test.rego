package shop.users_test

import data.shop.fixtures
import data.shop.users

test_roles_come_from_the_claims_of_a_verified_token if {
	guest := fixtures.user("x", ["customer", "guest"])
	users.roles == {"customer", "guest"} with input.identity as guest
}

test_roles_come_from_our_data_too if {
	users.roles == {"admin", "customer"} with input.identity as fixtures.user("carol", ["customer"])
}

test_our_data_names_the_issuer_with_the_subject if {
	carol := object.union(fixtures.user("carol", []), {"issuer": "https://other.example"})
	users.roles == set() with input.identity as carol
}

test_no_roles_without_a_verified_token if {
	every status in ["anonymous", "invalid", "unverified"] {
		carol := object.union(fixtures.user("carol", ["customer"]), {"status": status})
		users.roles == set() with input.identity as carol
	}
	users.roles == set() with input as {}
}

test_claims_that_are_no_list_of_roles_give_none if {
	every roles in ["admin", {"role": "admin"}, null, 1] {
		users.roles == set() with input.identity as fixtures.user("x", roles)
	}
}

test_the_principal_is_the_user_then_the_workload_then_anonymous if {
	web := fixtures.workload("shop", "web")
	users.principal == "alice" with input.identity as object.union(web, fixtures.alice)
	users.principal == "spiffe://shop.example/ns/shop/sa/web" with input.identity as web
	users.principal == "anonymous" with input as {}
}

test_a_subject_that_nobody_verified_is_no_principal if {
	mallory := object.union(fixtures.user("mallory", []), {"status": "unverified"})
	users.principal == "anonymous" with input.identity as mallory
}

test_who_says_nothing_is_anonymous if {
	users.status == "anonymous" with input as {}
}
