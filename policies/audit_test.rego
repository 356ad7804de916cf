package verdict.audit_test

import data.shop.fixtures
import data.verdict.audit

asked(method, identity) := {
	"attributes": {"request": {"http": {"method": method}}},
	"identity": identity,
}

with_claims(claims) := object.union(fixtures.user("eve", []), {"claims": claims})

reader := fixtures.user("auditor", ["audit:read"])

admin := fixtures.user("custodian", ["audit:admin"])

test_readers_read if {
	every method in ["GET", "HEAD"] {
		audit.allow == {"allowed": true, "reason": "audit:read"} with input as asked(method, reader)
	}
}

test_readers_change_nothing if {
	every method in ["POST", "PUT", "DELETE"] {
		audit.allow == {
			"allowed": false,
			"reason": "audit_permission_missing",
			"http_status": 403,
		} with input as asked(method, reader)
	}
}

test_administrators_change_and_do_not_read_by_that if {
	audit.allow == {"allowed": true, "reason": "audit:admin"} with input as asked("POST", admin)
	not audit.allow.allowed with input as asked("GET", admin)
}

test_a_scope_is_a_permission_and_a_part_of_one_is_none if {
	audit.allow.allowed with input as asked("GET", with_claims({"scope": "openid audit:read"}))
	not audit.allow.allowed with input as asked("GET", with_claims({"scope": "xaudit:read"}))
	not audit.allow.allowed with input as asked("GET", with_claims({"scope": ["audit:read"]}))
}

test_roles_that_are_no_list_are_no_permissions if {
	not audit.allow.allowed with input as asked("GET", with_claims({"roles": {"x": "audit:read"}}))
}

test_a_role_that_we_gave_is_a_permission if {
	directory := {"https://demo.verdict.example": {"alice": ["audit:read"]}}
	audit.allow.allowed with input as asked("GET", fixtures.alice)
		with data.directory.roles as directory
	not audit.allow.allowed with input as asked("GET", fixtures.bob)
		with data.directory.roles as directory
}

test_nobody_reads_without_a_login if {
	every identity in [fixtures.anonymous, {}, {"status": "invalid", "claims": {"roles": ["audit:read"]}}] {
		decision := audit.allow with input as asked("GET", identity)
		decision == {
			"allowed": false,
			"reason": "login_required",
			"http_status": 401,
			"headers": {"www-authenticate": `Bearer realm="verdict-audit"`},
		}
	}
}

test_a_token_that_nobody_verified_is_no_login if {
	decision := audit.allow with input as asked("GET", object.union(reader, {"status": "unverified"}))
	decision.reason == "token_not_verified"
	decision.http_status == 401
}

test_a_workload_alone_is_no_reader if {
	decision := audit.allow with input as asked("GET", object.union(
		fixtures.workload("shop", "web"),
		fixtures.anonymous,
	))
	decision.reason == "login_required"
}

test_an_unknown_method_needs_an_administrator if {
	not audit.allow.allowed with input as {"identity": reader}
}
