router fx
# A bank in Mexico holds pesos alone and pays euros to one in Germany: pesos to dollars with one dealer,
# across from one correspondent's dollars to another's by a bank that lets value ripple for a fee,
# dollars to euros with a second dealer.
admit BNMXMXMM
admit COMEMXMM
admit CHASUS33
admit BOFAUS3N
admit HSBCGB2L
admit XCHGSGSG
admit XCHHHKHH
admit COBADEFF
admit DEUTDEFF
line COMEMXMM MXN@BNMXMXMM limit=1000000.00
line XCHGSGSG MXN@BNMXMXMM limit=1000000.00
line XCHGSGSG USD@CHASUS33 limit=100000.00
line HSBCGB2L USD@CHASUS33 limit=100000.00 ripple=on in=0.999
line HSBCGB2L USD@BOFAUS3N limit=100000.00 ripple=on out=1.001
line XCHHHKHH USD@BOFAUS3N limit=100000.00
line XCHHHKHH EUR@DEUTDEFF limit=100000.00
line COBADEFF EUR@DEUTDEFF limit=100000.00
pay BNMXMXMM COMEMXMM deliver=MXN amount=500000.00 send=MXN max=500000.00
pay CHASUS33 XCHGSGSG deliver=USD amount=20000.00 send=USD max=20000.00
pay BOFAUS3N HSBCGB2L deliver=USD amount=20000.00 send=USD max=20000.00
pay DEUTDEFF XCHHHKHH deliver=EUR amount=20000.00 send=EUR max=20000.00
offer XCHGSGSG o1 give=USD@CHASUS33 want=MXN@BNMXMXMM amount=20000.00 price=17.91
offer XCHHHKHH o2 give=EUR@DEUTDEFF want=USD@BOFAUS3N amount=20000.00 price=1.0873
pay COMEMXMM COBADEFF deliver=EUR amount=1000.00 send=MXN max=20000.00
----
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied
applied: MXN 500000.00 for MXN 500000.00
  issue      BNMXMXMM MXN@BNMXMXMM   -500000.00 -> -500000.00
  issue      COMEMXMM MXN@BNMXMXMM    500000.00 -> 500000.00
applied: USD 20000.00 for USD 20000.00
  issue      CHASUS33 USD@CHASUS33    -20000.00 -> -20000.00
  issue      XCHGSGSG USD@CHASUS33     20000.00 -> 20000.00
applied: USD 20000.00 for USD 20000.00
  issue      BOFAUS3N USD@BOFAUS3N    -20000.00 -> -20000.00
  issue      HSBCGB2L USD@BOFAUS3N     20000.00 -> 20000.00
applied: EUR 20000.00 for EUR 20000.00
  issue      DEUTDEFF EUR@DEUTDEFF    -20000.00 -> -20000.00
  issue      XCHHHKHH EUR@DEUTDEFF     20000.00 -> 20000.00
applied
applied
applied: EUR 1000.00 for MXN 19512.59
  transfer   COMEMXMM MXN@BNMXMXMM    -19512.59 -> 480487.41
  transfer   XCHGSGSG MXN@BNMXMXMM     19512.59 -> 19512.59
  transfer   XCHGSGSG USD@CHASUS33     -1089.48 -> 18910.52
  transfer   HSBCGB2L USD@CHASUS33      1089.48 -> 1089.48
  transfer   HSBCGB2L USD@BOFAUS3N     -1087.30 -> 18912.70
  transfer   XCHHHKHH USD@BOFAUS3N      1087.30 -> 1087.30
  transfer   XCHHHKHH EUR@DEUTDEFF     -1000.00 -> 19000.00
  transfer   COBADEFF EUR@DEUTDEFF      1000.00 -> 1000.00

# A centavo less and the bank is told that it costs more; nothing is posted.
pay COMEMXMM COBADEFF deliver=EUR amount=1000.00 send=MXN max=19512.58
balances
----
send_max_exceeded
BNMXMXMM MXN@BNMXMXMM   -500000.00
COMEMXMM MXN@BNMXMXMM    480487.41
XCHGSGSG MXN@BNMXMXMM     19512.59
CHASUS33 USD@CHASUS33    -20000.00
XCHGSGSG USD@CHASUS33     18910.52
HSBCGB2L USD@CHASUS33      1089.48
BOFAUS3N USD@BOFAUS3N    -20000.00
HSBCGB2L USD@BOFAUS3N     18912.70
XCHHHKHH USD@BOFAUS3N      1087.30
DEUTDEFF EUR@DEUTDEFF    -20000.00
XCHHHKHH EUR@DEUTDEFF     19000.00
COBADEFF EUR@DEUTDEFF      1000.00

# The bank in the middle stops rippling: there is no other way.
line HSBCGB2L USD@CHASUS33 limit=100000.00 ripple=off in=0.999
pay COMEMXMM COBADEFF deliver=EUR amount=1000.00 send=MXN max=20000.00
----
applied
no_path
