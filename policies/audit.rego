# METADATA
# title: Who may read the audit log, and who may change it
# description: |
#   The audit service asks this about everyone who calls its API, as the destination
#   `verdict-audit`. Whoever reads needs the permission `audit:read`, whoever erases, holds or
#   releases records needs `audit:admin`; neither includes the other.
package verdict.audit

# METADATA
# description: The decision.
# entrypoint: true
allow := {"allowed": true, "reason": needed} if needed in permissions

else := challenged("token_not_verified") if status == "unverified"

else := challenged("login_required") if status != "verified"

else := {"allowed": false, "reason": "audit_permission_missing", "http_status": 403}

# METADATA
# description: What is known of the caller.
default status := "anonymous"

status := input.identity.status

# METADATA
# description: What the request takes.
default needed := "audit:admin"

needed := "audit:read" if input.attributes.request.http.method in {"GET", "HEAD"}

# METADATA
# title: Permissions by the roles of the token
# custom:
#   id: audit_roles_of_token
permissions contains role if {
	status == "verified"
	is_array(input.identity.claims.roles)
	some role in input.identity.claims.roles
}

# METADATA
# title: Permissions by the scopes of the token
# description: A text with spaces between, as OAuth has it (RFC 8693, section 4.2).
# custom:
#   id: audit_scopes_of_token
permissions contains scope if {
	status == "verified"
	is_string(input.identity.claims.scope)
	some scope in split(input.identity.claims.scope, " ")
}

# METADATA
# title: Permissions by the roles that we gave
# description: By issuer and subject, because two issuers may use the same subject.
# custom:
#   id: audit_roles_of_directory
permissions contains role if {
	status == "verified"
	some role in data.directory.roles[input.identity.issuer][input.identity.subject]
}

# METADATA
# description: The answer to a request that needs a login.
challenged(reason) := {
	"allowed": false,
	"reason": reason,
	"http_status": 401,
	"headers": {"www-authenticate": `Bearer realm="verdict-audit"`},
}
