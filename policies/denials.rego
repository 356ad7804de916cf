# METADATA
# title: Explicit denials
# description: What is denied although other rules permit it.
package shop.denials

import data.shop.request

# METADATA
# title: Development does not write to foo
# description: POST from workloads of namespace `dev` to service `foo` is denied.
# custom:
#   id: dev_post_to_foo
reasons contains "dev_post_to_foo" if {
	request.method == "POST"
	request.destination.service == "foo"
	input.identity.workload.namespace == "dev"
}
