# METADATA
# title: The user
# description: Who the caller acts for, as far as authn has verified it.
package shop.users

# METADATA
# description: What is known of the user.
default status := "anonymous"

status := input.identity.status

# METADATA
# description: The name for services behind the gateway.
default principal := "anonymous"

principal := input.identity.subject if {
	status == "verified"
} else := input.identity.workload.id

# METADATA
# title: Roles that the issuer of the token vouches for
# custom:
#   id: roles_of_token
roles contains role if {
	status == "verified"
	is_array(input.identity.claims.roles)
	some role in input.identity.claims.roles
}

# METADATA
# title: Roles that we gave
# description: By issuer and subject, because two issuers may use the same subject.
# custom:
#   id: roles_of_directory
roles contains role if {
	status == "verified"
	some role in data.directory.roles[input.identity.issuer][input.identity.subject]
}
