"""A bench with ISO 8583:1993 on one acquirer link and one issuer link, and 1987 on the others."""

CONFIG = """
[[link]]
name = "acquirer-93"
role = "acquirer"
dialect = "iso93-ascii"
port = 8585
institution_id = "10000000003"
partial_approval = true

[[key]]
link = "acquirer-93"
type = "ZPK"
clear = "7698B32AE95E082AE6B55E9861FE325D"

[[key]]
link = "acquirer-93"
type = "TAK"
clear = "13A2B5C4D6E0F1F20123456789ABCDEF"

[[traffic]]
link = "acquirer-93"
rate_per_s = 5

[[link]]
name = "issuer-1"
dialect = "iso93-ascii"
"""
