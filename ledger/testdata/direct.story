# A correspondent issues to its client, the client pays another, who redeems.
admit CHASUS33
admit BNMXMXMM
admit HSBCGB2L
line BNMXMXMM USD@CHASUS33 limit=1000.00
line HSBCGB2L USD@CHASUS33 limit=500.00
pay CHASUS33 BNMXMXMM deliver=USD@CHASUS33 amount=800.00 send=USD max=800.00
pay BNMXMXMM HSBCGB2L deliver=USD amount=300.00 send=USD max=300.00
pay HSBCGB2L CHASUS33 deliver=USD amount=100.00 send=USD max=100.00
balances
----
applied
applied
applied
applied
applied
applied: USD 800.00 for USD 800.00
  issue      CHASUS33 USD@CHASUS33      -800.00 -> -800.00
  issue      BNMXMXMM USD@CHASUS33       800.00 -> 800.00
applied: USD 300.00 for USD 300.00
  transfer   BNMXMXMM USD@CHASUS33      -300.00 -> 500.00
  transfer   HSBCGB2L USD@CHASUS33       300.00 -> 300.00
applied: USD 100.00 for USD 100.00
  redemption HSBCGB2L USD@CHASUS33      -100.00 -> 200.00
  redemption CHASUS33 USD@CHASUS33       100.00 -> -700.00
CHASUS33 USD@CHASUS33      -700.00
BNMXMXMM USD@CHASUS33       500.00
HSBCGB2L USD@CHASUS33       200.00

# Every refusal leaves the books as they were.
pay BNMXMXMM HSBCGB2L deliver=USD amount=300.01 send=USD max=400.00
pay BNMXMXMM HSBCGB2L deliver=EUR amount=1.00 send=USD max=400.00
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=EUR max=400.00
pay BNMXMXMM BNMXMXMM deliver=USD amount=1.00 send=USD max=400.00
pay BNMXMXMM HSBCGB2L deliver=USD amount=2.00 send=USD max=1.99
pay BNMXMXMM HSBCGB2L deliver=USD amount=0.00 send=USD max=1.99
pay BNMXMXMM DEUTDEFF deliver=USD amount=1.00 send=USD max=1.99
pay BNMXMXMM HSBCGB2L deliver=USD@DEUTDEFF amount=1.00 send=USD max=1.99
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 not_after=-1ms
balances
----
shortfall
not_accepted_by_receiver
no_funds
self_payment
send_max_exceeded
bad_amount
unknown_receiver
unknown_issuer
past_not_after
CHASUS33 USD@CHASUS33      -700.00
BNMXMXMM USD@CHASUS33       500.00
HSBCGB2L USD@CHASUS33       200.00

# The same id, the same UETR.
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 id=a
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 id=a
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 id=b uetr=uetra
----
applied: USD 1.00 for USD 1.00
  transfer   BNMXMXMM USD@CHASUS33        -1.00 -> 499.00
  transfer   HSBCGB2L USD@CHASUS33         1.00 -> 201.00
id_reused
duplicate_uetr

# What is refused for want of an asset that nobody holds has used its UETR, as any other refusal.
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD@HSBCGB2L max=1.00 id=c uetr=uetrc
pay BNMXMXMM HSBCGB2L deliver=USD amount=1.00 send=USD max=1.00 id=d uetr=uetrc
----
no_funds
duplicate_uetr
