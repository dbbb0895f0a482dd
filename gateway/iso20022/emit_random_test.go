package iso20022

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
)

// TestRandomWritingsAreValid writes many of each kind of message we make, of random contents, and asks
// xmllint and our own reader about each.
func TestRandomWritingsAreValid(t *testing.T) {
	needOracle(t)
	const seed = 20260313
	g := &specimen{Rand: rand.New(rand.NewPCG(seed, 3))}
	for _, kind := range []string{"pacs.002", "camt.029", "camt.052", "camt.053", "camt.054", "pain.002", "admi.002"} {
		parts := map[string][]string{} // by definition
		for i := range 150 {
			data, err := g.writing(kind, i)
			if err != nil {
				t.Fatalf("seed %d, %s %d: %v", seed, kind, i, err)
			}
			if m, findings := Parse(data, ISO); len(findings) > 0 || m.Type != kind {
				t.Errorf("seed %d: %v in\n%s", seed, findings, data)
			}
			for _, name := range []string{"AppHdr", "Document"} {
				if id, doc := cutOut(string(data), name); doc != "" {
					parts[id] = append(parts[id], doc)
				}
			}
		}
		for id, docs := range parts {
			if strings.HasPrefix(id, "pain.") || strings.HasPrefix(id, "admi.") {
				continue // there is no schema of these beside the repository
			}
			for i, valid := range xmllint(t, id, docs) {
				if !valid {
					t.Errorf("seed %d: xmllint refuses\n%s", seed, docs[i])
				}
			}
		}
	}
}

// words are texts of every length and script, with what XML has to escape.
func (g *specimen) words(most int) string {
	n := 1 + g.IntN(most)
	var b strings.Builder
	for range n {
		b.WriteString(g.pick("a", "Z", "7", "/", " ", "é", "&", "<", ">", "\"", "'", "漢", "\U0001F600", "]", "-"))
	}
	return b.String()
}

func (g *specimen) uetr() string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", g.Uint32(), g.IntN(1<<16), g.IntN(1<<12), g.IntN(1<<12), g.Uint64()>>16)
}

func (g *specimen) moment() time.Time {
	return time.Unix(g.Int64N(4e9), g.Int64N(1e9)).In(time.FixedZone("", g.IntN(28*3600)-14*3600))
}

func (g *specimen) sum() money.Amount {
	all := money.Currencies()
	units := g.Int64N(1e15)
	if g.IntN(5) == 0 {
		units = g.Int64N(3)
	}
	if g.IntN(2) == 0 {
		units = -units
	}
	return money.New(units, all[g.IntN(len(all))])
}

func (g *specimen) status() TxStatus {
	s := TxStatus{
		InstrID: g.words(35), EndToEndID: g.words(35), TxID: g.words(35), UETR: g.uetr(), Info: g.words(1200),
		Status: []Status{Validated, Pending, Accepted, Settled, Rejected, Cancelled}[g.IntN(6)], Reason: g.pick("", "AM04", "CURR", "DUPL"),
	}
	if g.IntN(2) == 0 {
		s.Accepted, s.SettlementDate = g.moment(), g.moment().Format(time.DateOnly)
	}
	return s
}

func (g *specimen) writing(kind string, i int) ([]byte, error) {
	from, to := "VIADUS33", "VIADDEFFXXX"
	if i%3 == 0 && kind != "camt.029" {
		from, to = "", ""
	}
	id, service := g.words(35), g.pick("", "swift.cbprplus.04")
	switch kind {
	case "pacs.002":
		r := StatusReport{MessageID: id, Created: g.moment(), From: from, To: to, BizSvc: service, OriginalID: g.words(35), OriginalName: "pacs.008.001.08", Group: g.status()}
		for range g.IntN(4) {
			r.Transactions = append(r.Transactions, g.status())
		}
		return EmitStatusReport(r)
	case "pain.002":
		r := InitiationReport{MessageID: id, Created: g.moment(), From: from, To: to, BizSvc: service, OriginalID: g.words(35), OriginalName: "pain.001.001.03", Group: g.status()}
		for range g.IntN(3) {
			r.Lots = append(r.Lots, LotStatus{ID: g.words(35), Orders: []TxStatus{g.status(), g.status()}})
		}
		return EmitInitiationReport(r)
	case "camt.029":
		r := Resolution{MessageID: id, Created: g.moment(), From: from, To: to, BizSvc: service, Status: RecallPending}
		for range 1 + g.IntN(3) {
			r.Recalls = append(r.Recalls, Recall{
				Original: Original{ID: g.words(35), MessageID: g.words(35), Name: g.pick("", "pacs.008.001.08"), InstrID: g.words(35), EndToEndID: g.words(35), TxID: g.words(35), UETR: g.uetr(), Case: g.words(35)},
				Status:   []Confirmation{RecallCancelled, RecallPending, RecallRejected}[g.IntN(3)], Reason: g.pick("", "LEGL", "CUST"), Info: g.words(1200),
			})
		}
		return EmitResolution(r)
	case "admi.002":
		return EmitReject(Rejection{MessageID: id, Created: g.moment(), From: from, To: to, Reference: g.words(60), Reason: g.words(40), Location: g.words(400), Description: g.words(900)})
	}
	r := Report{Kind: ReportKind(kind), MessageID: id, Created: g.moment(), From: from, To: to, BizSvc: service}
	for range 1 + g.IntN(3) {
		a := AccountReport{Account: g.words(34), Owner: "VIADDEFF", From: g.moment(), Until: g.moment(), Opening: g.sum(), Closing: g.sum()}
		for range g.IntN(5) {
			e := Entry{Reference: g.words(35), Servicer: g.words(35), Amount: g.sum(), Booked: g.moment(), Code: g.words(35)}
			if g.IntN(2) == 0 {
				e.InstrID, e.EndToEndID, e.UETR = g.words(35), g.words(35), g.uetr()
			}
			a.Entries = append(a.Entries, e)
		}
		r.Accounts = append(r.Accounts, a)
	}
	return EmitReport(r)
}
