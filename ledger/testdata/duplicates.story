# What is told apart by its UETR and by the message that carried it, and what moves nothing itself.
admit CHASUS33
admit BNMXMXMM
admit HSBCGB2L
line BNMXMXMM USD@CHASUS33 limit=1000.00
line HSBCGB2L USD@CHASUS33 limit=1000.00
pay CHASUS33 BNMXMXMM deliver=USD amount=500.00 send=USD max=500.00
----
applied
applied
applied
applied
applied
applied: USD 500.00 for USD 500.00
  issue      CHASUS33 USD@CHASUS33      -500.00 -> -500.00
  issue      BNMXMXMM USD@CHASUS33       500.00 -> 500.00

# A transfer that settles by cover moves nothing, whatever its sender holds. Its cover has its UETR, moves
# the money once, and is no duplicate; nor is the return, nor an advice.
pay BNMXMXMM HSBCGB2L deliver=USD amount=900.00 send=USD mode=covered uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=90.00 send=USD max=90.00 kind=cover uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=90.00 send=USD mode=covered kind=advice uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 kind=return uetr=u1
balances
----
applied: USD 0.00 for USD 0.00
applied: USD 90.00 for USD 90.00
  transfer   BNMXMXMM USD@CHASUS33       -90.00 -> 410.00
  transfer   HSBCGB2L USD@CHASUS33        90.00 -> 90.00
applied: USD 0.00 for USD 0.00
applied: USD 1.00 for USD 1.00
  transfer   BNMXMXMM USD@CHASUS33        -1.00 -> 409.00
  transfer   HSBCGB2L USD@CHASUS33         1.00 -> 91.00
CHASUS33 USD@CHASUS33      -500.00
BNMXMXMM USD@CHASUS33       409.00
HSBCGB2L USD@CHASUS33        91.00

# Each of them only once; and what was announced is not ordered itself, nor the other way round.
pay BNMXMXMM HSBCGB2L deliver=USD amount=900.00 send=USD mode=covered uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 kind=cover uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered kind=advice uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 kind=return uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 uetr=u2
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered uetr=u2
----
duplicate_uetr
duplicate_uetr
duplicate_uetr
duplicate_uetr
duplicate_uetr
applied: USD 1.00 for USD 1.00
  transfer   BNMXMXMM USD@CHASUS33        -1.00 -> 408.00
  transfer   HSBCGB2L USD@CHASUS33         1.00 -> 92.00
duplicate_uetr

# Another participant's use of a UETR is its own matter.
pay CHASUS33 HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 uetr=u1
----
applied: USD 1.00 for USD 1.00
  issue      CHASUS33 USD@CHASUS33        -1.00 -> -501.00
  issue      HSBCGB2L USD@CHASUS33         1.00 -> 93.00

# A message's id counts once, whatever the message is and whatever became of it.
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered message=m1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 message=m1
pay CHASUS33 HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 message=m1
pay BNMXMXMM HSBCGB2L deliver=USD amount=5000.00 send=USD max=5000.00 message=m2
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 message=m2
----
applied: USD 0.00 for USD 0.00
duplicate_message
applied: USD 1.00 for USD 1.00
  issue      CHASUS33 USD@CHASUS33        -1.00 -> -502.00
  issue      HSBCGB2L USD@CHASUS33         1.00 -> 94.00
shortfall
duplicate_message

# A payment without a UETR could not be told from another.
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 uetr=none
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered uetr=none
----
no_uetr
no_uetr

# What moves nothing has no bound, and spends what it delivers; a cover moves something.
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 mode=covered
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=EUR mode=covered
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered kind=cover
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 kind=advice
pay BNMXMXMM NOBKDEFF deliver=USD amount=1.00 send=USD mode=covered
pay BNMXMXMM BNMXMXMM deliver=USD amount=1.00 send=USD mode=covered
pay BNMXMXMM HSBCGB2L deliver=USD amount=0 send=USD mode=covered
----
bad_amount
bad_amount
unknown_mode
unknown_mode
unknown_receiver
self_payment
bad_amount

# A UETR and a message's id are remembered for 90 days.
wait 2159h
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered message=m1
wait 2h
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered uetr=u1
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD mode=covered message=m1
balances
----
duplicate_uetr
duplicate_message
applied: USD 0.00 for USD 0.00
applied: USD 0.00 for USD 0.00
CHASUS33 USD@CHASUS33      -502.00
BNMXMXMM USD@CHASUS33       408.00
HSBCGB2L USD@CHASUS33        94.00
