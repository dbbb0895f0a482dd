# The issuer charges when its asset moves between two holders; the giver pays on top, and the fee is
# redeemed. Issue and redemption are free.
admit CHASUS33
admit BNMXMXMM
admit HSBCGB2L
line BNMXMXMM USD@CHASUS33 limit=1000.00
line HSBCGB2L USD@CHASUS33 limit=1000.00
terms CHASUS33 fee=0.0025
pay CHASUS33 BNMXMXMM deliver=USD amount=500.00 send=USD max=500.00
pay BNMXMXMM HSBCGB2L deliver=USD amount=100.00 send=USD max=100.24
pay BNMXMXMM HSBCGB2L deliver=USD amount=100.00 send=USD max=100.25
pay BNMXMXMM HSBCGB2L deliver=USD amount=0.01 send=USD max=0.02
pay HSBCGB2L CHASUS33 deliver=USD amount=100.01 send=USD max=100.01
balances
----
applied
applied
applied
applied
applied
applied
applied: USD 500.00 for USD 500.00
  issue      CHASUS33 USD@CHASUS33      -500.00 -> -500.00
  issue      BNMXMXMM USD@CHASUS33       500.00 -> 500.00
send_max_exceeded
applied: USD 100.00 for USD 100.25
  transfer   BNMXMXMM USD@CHASUS33      -100.00 -> 400.00
  fee        BNMXMXMM USD@CHASUS33        -0.25 -> 399.75
  fee        CHASUS33 USD@CHASUS33         0.25 -> -499.75
  transfer   HSBCGB2L USD@CHASUS33       100.00 -> 100.00
applied: USD 0.01 for USD 0.02
  transfer   BNMXMXMM USD@CHASUS33        -0.01 -> 399.74
  fee        BNMXMXMM USD@CHASUS33        -0.01 -> 399.73
  fee        CHASUS33 USD@CHASUS33         0.01 -> -499.74
  transfer   HSBCGB2L USD@CHASUS33         0.01 -> 100.01
applied: USD 100.01 for USD 100.01
  redemption HSBCGB2L USD@CHASUS33      -100.01 -> 0.00
  redemption CHASUS33 USD@CHASUS33       100.01 -> -399.73
CHASUS33 USD@CHASUS33      -399.73
BNMXMXMM USD@CHASUS33       399.73
