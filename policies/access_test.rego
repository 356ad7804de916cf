package shop.access_test

import data.shop.access
import data.shop.fixtures

grounds(identity, method, service, path) := found if {
	asked := fixtures.at_gateway(identity, method, service, path)
	found := access.grounds with input as asked
}

test_anybody_reads_the_catalogue if {
	every method in ["GET", "HEAD"] {
		grounds(fixtures.anonymous, method, "catalog", ["catalog", "1"]) == {"public_catalogue"}
	}
}

test_nobody_writes_the_catalogue if {
	every identity in [fixtures.anonymous, fixtures.alice, fixtures.bob] {
		grounds(identity, "POST", "catalog", ["catalog"]) == set()
	}
}

test_only_the_catalogue_of_the_catalogue_service_is_public if {
	grounds(fixtures.anonymous, "GET", "catalog", ["admin"]) == set()
	grounds(fixtures.anonymous, "GET", "orders", ["catalog"]) == set()
}

test_customers_support_and_administrators_read_orders if {
	every role in ["customer", "support", "admin"] {
		grounds(fixtures.user("x", [role]), "GET", "orders", ["orders", "1"]) == {"orders_read"}
	}
}

test_other_roles_do_not_read_orders if {
	grounds(fixtures.user("x", ["guest"]), "GET", "orders", ["orders", "1"]) == set()
	grounds(fixtures.anonymous, "GET", "orders", ["orders", "1"]) == set()
}

test_customers_place_orders if {
	grounds(fixtures.alice, "POST", "orders", ["orders"]) == {"order_placed"}
}

test_support_places_no_orders if {
	grounds(fixtures.bob, "POST", "orders", ["orders"]) == set()
}

test_customers_pay if {
	grounds(fixtures.alice, "POST", "payments", ["payments"]) == {"payment_made"}
}

test_support_does_not_pay if {
	grounds(fixtures.bob, "POST", "payments", ["payments"]) == set()
}

test_support_and_administrators_refund if {
	every role in ["support", "admin"] {
		identity := fixtures.user("x", [role])
		grounds(identity, "POST", "payments", ["payments", "1", "refund"]) == {"payment_refunded"}
	}
}

test_customers_do_not_refund if {
	grounds(fixtures.alice, "POST", "payments", ["payments", "1", "refund"]) == set()
	grounds(fixtures.alice, "POST", "payments", ["payments", "1", "refund", ""]) == set()
	grounds(fixtures.alice, "POST", "payments", ["payments", "refund"]) == set()
}

test_an_administrator_by_our_data_refunds if {
	identity := fixtures.user("carol", [])
	grounds(identity, "POST", "payments", ["payments", "1", "refund"]) == {"payment_refunded"}
}

test_workloads_use_foo_without_a_user if {
	every method in ["GET", "HEAD", "POST"] {
		grounds(fixtures.workload("shop", "web"), method, "foo", ["foo"]) == {"foo_used"}
	}
	grounds(fixtures.workload("shop", "web"), "DELETE", "foo", ["foo"]) == set()
}

test_whoever_is_logged_in_reads_foo if {
	grounds(fixtures.user("x", []), "GET", "foo", ["foo"]) == {"foo_read"}
	grounds(fixtures.user("x", []), "POST", "foo", ["foo"]) == set()
	grounds(fixtures.anonymous, "GET", "foo", ["foo"]) == set()
}

test_every_condition_of_a_ground_counts if {
	every asked in [
		[fixtures.alice, "GET", "orders", ["invoices"]],
		[fixtures.alice, "GET", "payments", ["orders"]],
		[fixtures.alice, "PUT", "orders", ["orders"]],
		[fixtures.alice, "POST", "orders", ["orders", "1"]],
		[fixtures.alice, "POST", "catalog", ["orders"]],
		[fixtures.alice, "PUT", "payments", ["payments"]],
		[fixtures.alice, "POST", "orders", ["payments"]],
		[fixtures.bob, "GET", "payments", ["payments", "1", "refund"]],
		[fixtures.bob, "POST", "orders", ["payments", "1", "refund"]],
	] {
		[identity, method, service, path] := asked
		grounds(identity, method, service, path) == set()
	}
}
