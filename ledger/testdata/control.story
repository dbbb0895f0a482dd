# A frozen holder can still redeem and receive.
admit CHASUS33
admit BNMXMXMM
admit HSBCGB2L
line BNMXMXMM USD@CHASUS33 limit=1000.00
line HSBCGB2L USD@CHASUS33 limit=1000.00
pay CHASUS33 BNMXMXMM deliver=USD amount=500.00 send=USD max=500.00
control CHASUS33 BNMXMXMM USD frozen=on
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00
pay BNMXMXMM CHASUS33 deliver=USD amount=1.00 send=USD max=1.00
pay CHASUS33 BNMXMXMM deliver=USD amount=1.00 send=USD max=1.00
control CHASUS33 BNMXMXMM USD frozen=off
terms CHASUS33 frozen=on
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00
pay BNMXMXMM CHASUS33 deliver=USD amount=1.00 send=USD max=1.00
terms CHASUS33 frozen=off
----
applied
applied
applied
applied
applied
applied: USD 500.00 for USD 500.00
  issue      CHASUS33 USD@CHASUS33      -500.00 -> -500.00
  issue      BNMXMXMM USD@CHASUS33       500.00 -> 500.00
applied
shortfall
applied: USD 1.00 for USD 1.00
  redemption BNMXMXMM USD@CHASUS33        -1.00 -> 499.00
  redemption CHASUS33 USD@CHASUS33         1.00 -> -499.00
applied: USD 1.00 for USD 1.00
  issue      CHASUS33 USD@CHASUS33        -1.00 -> -500.00
  issue      BNMXMXMM USD@CHASUS33         1.00 -> 500.00
applied
applied
shortfall
applied: USD 1.00 for USD 1.00
  redemption BNMXMXMM USD@CHASUS33        -1.00 -> 499.00
  redemption CHASUS33 USD@CHASUS33         1.00 -> -499.00
applied

# An issuer that asks for authorisation: nobody takes more before it is given.
terms CHASUS33 auth=on
pay CHASUS33 HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00
control CHASUS33 HSBCGB2L USD authorized=on
pay CHASUS33 HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00
control CHASUS33 BNMXMXMM USD authorized=on
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00
----
applied
shortfall
applied
applied: USD 1.00 for USD 1.00
  issue      CHASUS33 USD@CHASUS33        -1.00 -> -500.00
  issue      HSBCGB2L USD@CHASUS33         1.00 -> 1.00
shortfall
applied
applied: USD 1.00 for USD 1.00
  transfer   BNMXMXMM USD@CHASUS33        -1.00 -> 498.00
  transfer   HSBCGB2L USD@CHASUS33         1.00 -> 2.00

# The operator's ceiling on obligations minus claims.
cap CHASUS33 USD 600.00
pay CHASUS33 BNMXMXMM deliver=USD amount=101.00 send=USD max=101.00
pay CHASUS33 BNMXMXMM deliver=USD amount=100.00 send=USD max=100.00
pay CHASUS33 BNMXMXMM deliver=USD amount=0.01 send=USD max=0.01
----
applied
shortfall
applied: USD 100.00 for USD 100.00
  issue      CHASUS33 USD@CHASUS33      -100.00 -> -600.00
  issue      BNMXMXMM USD@CHASUS33       100.00 -> 598.00
shortfall

# Who may do what.
admit DEUTDEFF by=CHASUS33
admit CHASUS33
line CHASUS33 USD@CHASUS33 limit=1.00
control BNMXMXMM BNMXMXMM USD frozen=on
terms CHASUS33 fee=1.1
----
not_allowed
participant_exists
own_asset
own_asset
bad_fee
