# METADATA
# title: Decisions of the shop
# description: |
#   The rule that Envoy asks for, at opa-envoy-plugin's default path. Everything that no rule
#   permits is denied, and every decision carries its reason.
package envoy.authz

import data.shop.access
import data.shop.denials
import data.shop.request
import data.shop.users
import data.shop.workloads
import data.verdict.audit

# METADATA
# description: |
#   The decision. The first line that applies decides: an explicit deny wins over everything, then
#   both the calling workload and the user behind it must be permitted.
# entrypoint: true
allow := refused(403, min(denials.reasons)) if count(denials.reasons) > 0

else := audit.allow if request.destination.service == "verdict-audit"

else := granted("health_check") if request.is_health_check

else := refused(403, "unknown_service") if not workloads.service_known

else := refused(403, "workload_required") if not workloads.caller_known

else := refused(403, "workload_not_permitted") if not workloads.caller_permitted

else := granted(min(access.grounds)) if count(access.grounds) > 0

else := challenged("token_not_verified") if users.status == "unverified"

else := challenged("login_required") if users.status != "verified"

else := refused(403, "not_permitted")

# METADATA
# description: |
#   The answer to a request that is permitted. It overwrites the header of that name, so that no
#   client can name its own principal.
granted(reason) := {
	"allowed": true,
	"reason": reason,
	"headers": {"x-verdict-principal": users.principal},
}

# METADATA
# description: The answer to a request that is denied.
refused(status, reason) := {
	"allowed": false,
	"reason": reason,
	"http_status": status,
	"headers": {"content-type": "application/json"},
	"body": json.marshal({"error": reason}),
}

# METADATA
# description: The answer to a request that needs a login.
challenged(reason) := object.union(
	refused(401, reason),
	{"headers": {"www-authenticate": `Bearer realm="shop"`}},
)
