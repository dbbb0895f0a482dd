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

# An offer's amount is what its maker gives, fee included: USD 10.00 of an offer bring the taker 9.97.
# So it is for a payment, for a new offer that crosses, and for what the new one gives.
admit DEUTDEFF
admit XCHGSGSG
terms DEUTDEFF fee=0.01
line XCHGSGSG USD@CHASUS33 limit=1000.00
line XCHGSGSG EUR@DEUTDEFF limit=1000.00
line BNMXMXMM EUR@DEUTDEFF limit=1000.00
pay CHASUS33 XCHGSGSG deliver=USD amount=20.00 send=USD max=20.00
pay DEUTDEFF BNMXMXMM deliver=EUR amount=20.00 send=EUR max=20.00
offer XCHGSGSG o1 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=20.00 price=0.5
pay BNMXMXMM HSBCGB2L deliver=USD amount=9.97 send=EUR max=5.05
offer BNMXMXMM o2 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=3.03 price=1.9
----
applied
applied
applied
applied
applied
applied
applied: USD 20.00 for USD 20.00
  issue      CHASUS33 USD@CHASUS33       -20.00 -> -419.73
  issue      XCHGSGSG USD@CHASUS33        20.00 -> 20.00
applied: EUR 20.00 for EUR 20.00
  issue      DEUTDEFF EUR@DEUTDEFF       -20.00 -> -20.00
  issue      BNMXMXMM EUR@DEUTDEFF        20.00 -> 20.00
applied
applied: USD 9.97 for EUR 5.05
  transfer   BNMXMXMM EUR@DEUTDEFF        -5.00 -> 15.00
  fee        BNMXMXMM EUR@DEUTDEFF        -0.05 -> 14.95
  fee        DEUTDEFF EUR@DEUTDEFF         0.05 -> -19.95
  transfer   XCHGSGSG EUR@DEUTDEFF         5.00 -> 5.00
  transfer   XCHGSGSG USD@CHASUS33        -9.97 -> 10.03
  fee        XCHGSGSG USD@CHASUS33        -0.03 -> 10.00
  fee        CHASUS33 USD@CHASUS33         0.03 -> -419.70
  transfer   HSBCGB2L USD@CHASUS33         9.97 -> 9.97
applied: took USD 5.98 for EUR 3.03 at once
  transfer   BNMXMXMM EUR@DEUTDEFF        -3.00 -> 11.95
  fee        BNMXMXMM EUR@DEUTDEFF        -0.03 -> 11.92
  fee        DEUTDEFF EUR@DEUTDEFF         0.03 -> -19.92
  transfer   XCHGSGSG EUR@DEUTDEFF         3.00 -> 8.00
  transfer   XCHGSGSG USD@CHASUS33        -5.98 -> 4.02
  fee        XCHGSGSG USD@CHASUS33        -0.02 -> 4.00
  fee        CHASUS33 USD@CHASUS33         0.02 -> -419.68
  transfer   BNMXMXMM USD@CHASUS33         5.98 -> 405.71
