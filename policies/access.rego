# METADATA
# title: Grounds of access
# description: |
#   Why a user may do what is asked of a service; each ground is the reason of the decision. Whether
#   the calling workload may come at all is decided elsewhere, and both must hold.
package shop.access

import data.shop.request
import data.shop.users

reading := {"GET", "HEAD"}

# METADATA
# title: Anybody may read the catalogue
# custom:
#   id: public_catalogue
grounds contains "public_catalogue" if {
	request.destination == {"namespace": "shop", "service": "catalog"}
	request.method in reading
	request.path[0] == "catalog"
}

# METADATA
# title: Customers and those who help them read orders
# custom:
#   id: orders_read
grounds contains "orders_read" if {
	request.destination == {"namespace": "shop", "service": "orders"}
	request.method in reading
	request.path[0] == "orders"
	some role in {"customer", "support", "admin"}
	role in users.roles
}

# METADATA
# title: Customers place orders
# custom:
#   id: order_placed
grounds contains "order_placed" if {
	request.destination == {"namespace": "shop", "service": "orders"}
	request.method == "POST"
	request.path == ["orders"]
	"customer" in users.roles
}

# METADATA
# title: Customers pay
# custom:
#   id: payment_made
grounds contains "payment_made" if {
	request.destination == {"namespace": "shop", "service": "payments"}
	request.method == "POST"
	request.path == ["payments"]
	"customer" in users.roles
}

# METADATA
# title: Support and administrators refund payments
# custom:
#   id: payment_refunded
grounds contains "payment_refunded" if {
	request.destination == {"namespace": "shop", "service": "payments"}
	request.method == "POST"
	request.path = ["payments", _, "refund"]
	some role in {"support", "admin"}
	role in users.roles
}

# METADATA
# title: Workloads use foo without a user
# custom:
#   id: foo_used
grounds contains "foo_used" if {
	request.destination == {"namespace": "shop", "service": "foo"}
	request.method in {"GET", "HEAD", "POST"}
	input.identity.workload
}

# METADATA
# title: Whoever is logged in reads foo
# custom:
#   id: foo_read
grounds contains "foo_read" if {
	request.destination == {"namespace": "shop", "service": "foo"}
	request.method in reading
	users.status == "verified"
}
