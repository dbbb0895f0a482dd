router fx
# At equal cost a payment redeems first, then gives what the sender holds, and issues last.
admit CHASUS33
admit BOFAUS3N
admit HSBCGB2L
admit BNMXMXMM
line BNMXMXMM USD@CHASUS33 limit=1000.00
line BNMXMXMM USD@BOFAUS3N limit=1000.00
line CHASUS33 USD@BOFAUS3N limit=1000.00
line CHASUS33 USD@BNMXMXMM limit=1000.00
pay CHASUS33 BNMXMXMM deliver=USD@CHASUS33 amount=30.00 send=USD max=30.00
pay BOFAUS3N BNMXMXMM deliver=USD amount=40.00 send=USD max=40.00
pay BNMXMXMM CHASUS33 deliver=USD amount=20.00 send=USD max=20.00
pay BNMXMXMM CHASUS33 deliver=USD amount=60.00 send=USD max=60.00
balances
----
applied
applied
applied
applied
applied
applied
applied
applied
applied: USD 30.00 for USD 30.00
  issue      CHASUS33 USD@CHASUS33       -30.00 -> -30.00
  issue      BNMXMXMM USD@CHASUS33        30.00 -> 30.00
applied: USD 40.00 for USD 40.00
  issue      BOFAUS3N USD@BOFAUS3N       -40.00 -> -40.00
  issue      BNMXMXMM USD@BOFAUS3N        40.00 -> 40.00
applied: USD 20.00 for USD 20.00
  redemption BNMXMXMM USD@CHASUS33       -20.00 -> 10.00
  redemption CHASUS33 USD@CHASUS33        20.00 -> -10.00
applied: USD 60.00 for USD 60.00
  redemption BNMXMXMM USD@CHASUS33       -10.00 -> 0.00
  redemption CHASUS33 USD@CHASUS33        10.00 -> 0.00
  transfer   BNMXMXMM USD@BOFAUS3N       -40.00 -> 0.00
  transfer   CHASUS33 USD@BOFAUS3N        40.00 -> 40.00
  issue      BNMXMXMM USD@BNMXMXMM       -10.00 -> -10.00
  issue      CHASUS33 USD@BNMXMXMM        10.00 -> 10.00
BOFAUS3N USD@BOFAUS3N       -40.00
CHASUS33 USD@BOFAUS3N        40.00
BNMXMXMM USD@BNMXMXMM       -10.00
CHASUS33 USD@BNMXMXMM        10.00

# A net debit cap bounds what may still be issued: claims held count for it, gross.
cap BNMXMXMM USD 30.00
pay BNMXMXMM CHASUS33 deliver=USD amount=20.01 send=USD max=20.01
pay BNMXMXMM CHASUS33 deliver=USD amount=20.00 send=USD max=20.00
pay BNMXMXMM CHASUS33 deliver=USD amount=0.01 send=USD max=0.01
----
applied
shortfall
applied: USD 20.00 for USD 20.00
  issue      BNMXMXMM USD@BNMXMXMM       -20.00 -> -30.00
  issue      CHASUS33 USD@BNMXMXMM        20.00 -> 30.00
net_debit_cap_exceeded
