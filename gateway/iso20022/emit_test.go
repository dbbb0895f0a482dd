package iso20022

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

func report() StatusReport {
	return StatusReport{
		MessageID: "VIADUCT-S-1", Created: noon, From: "VIADUS33", To: "VIADDEFF", BizSvc: "swift.cbprplus.04",
		OriginalID: "VIADUCT-20260313-0001", OriginalName: "pacs.008.001.08", OriginalTime: noon.Add(-time.Hour),
		Transactions: []TxStatus{{InstrID: "I-20260313-1", EndToEndID: "INVOICE/2026/77", UETR: "7a1c3e5f-2b4d-4c6e-8f01-23456789abcd", Status: Accepted}},
	}
}

// validate checks a written message against the official schemas, header and document each.
func validate(t *testing.T, data []byte) {
	t.Helper()
	for _, name := range []string{"AppHdr", "Document"} {
		id, doc := cutOut(string(data), name)
		if doc == "" || strings.HasPrefix(id, "admi") {
			continue
		}
		if !xmllint(t, id, []string{doc})[0] {
			t.Errorf("xmllint refuses the %s of\n%s", name, data)
		}
	}
}

func TestEmitStatusReport(t *testing.T) {
	needOracle(t)
	reports := map[string]func(r *StatusReport){
		"technically valid": func(r *StatusReport) { r.Transactions[0].Status = Validated },
		"accepted":          func(r *StatusReport) { r.Transactions[0].Accepted = noon },
		"pending": func(r *StatusReport) {
			r.Transactions[0].Status, r.Transactions[0].Info = Pending, "waits for liquidity"
		},
		"settled": func(r *StatusReport) {
			r.Transactions[0].Status, r.Transactions[0].SettlementDate = Settled, "2026-03-13"
		},
		"rejected": func(r *StatusReport) {
			r.Transactions[0].Status, r.Transactions[0].Reason = Rejected, "AM04"
			r.Transactions[0].Info = "short of <5.00> & \x01more " + strings.Repeat("long word ", 200)
		},
		"no header": func(r *StatusReport) { r.From, r.To = "", "" },
		"group": func(r *StatusReport) {
			r.Transactions, r.Group = nil, TxStatus{Status: Rejected, Reason: "FF01", Info: "no transaction"}
		},
		"many": func(r *StatusReport) { r.Transactions = append(r.Transactions, r.Transactions[0]) },
	}
	for name, change := range reports {
		r := report()
		change(&r)
		data, err := EmitStatusReport(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		validate(t, data)
		profile := CBPRSR2026
		if name == "no header" || name == "group" || name == "many" {
			profile = ISO
		}
		m, findings := Parse(data, profile)
		if name != "rejected" && len(findings) > 0 {
			t.Errorf("%s: %v in\n%s", name, findings, data)
		}
		if len(r.Transactions) > 0 {
			if tx := m.Root.At("FIToFIPmtStsRpt", "TxInfAndSts"); tx.Value("TxSts") != string(r.Transactions[0].Status) || tx.Value("OrgnlUETR") != r.Transactions[0].UETR {
				t.Errorf("%s: status of another payment in\n%s", name, data)
			}
		}
	}
}

func TestEmitRefusesWhatIsNotValid(t *testing.T) {
	for name, change := range map[string]func(r *StatusReport){
		"no id":         func(r *StatusReport) { r.MessageID = "" },
		"long id":       func(r *StatusReport) { r.MessageID = strings.Repeat("x", 36) },
		"upper uetr":    func(r *StatusReport) { r.Transactions[0].UETR = "7A1C3E5F-2B4D-4C6E-8F01-23456789ABCD" },
		"control":       func(r *StatusReport) { r.Transactions[0].EndToEndID = "a\x01" },
		"not utf-8":     func(r *StatusReport) { r.Transactions[0].EndToEndID = "a\xff" },
		"sender no bic": func(r *StatusReport) { r.From = "somebody" },
	} {
		r := report()
		change(&r)
		if data, err := EmitStatusReport(r); err == nil {
			t.Errorf("%s: written as\n%s", name, data)
		}
	}
	m := &Message{Type: "pacs.002", Version: "001.10", Root: &Node{Name: "Document"}}
	m.Root.set("x", "FIToFIPmtStsRpt", "Surprise")
	if _, err := Emit(m); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("unknown element: %v", err)
	}
	if _, err := Emit(&Message{Type: "pacs.099", Version: "001.01", Root: &Node{Name: "Document"}}); err == nil {
		t.Error("an unknown message was written")
	}
}

func TestAnswer(t *testing.T) {
	m, _ := Parse([]byte(transfer(t)), ISO)
	r := m.Answer("VIADUCT-S-2", noon)
	if r.From != "VIADUS33XXX" || r.To != "VIADDEFF" || r.OriginalID != "VIADUCT-20260313-0001" || r.OriginalName != "pacs.008.001.08" ||
		len(r.Transactions) != 1 || r.Transactions[0].UETR != "7a1c3e5f-2b4d-4c6e-8f01-23456789abcd" || r.Transactions[0].EndToEndID != "INVOICE/2026/77" {
		t.Errorf("answer %+v", r)
	}
	r.Transactions[0].Status = Settled
	data, err := EmitStatusReport(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, findings := Parse(data, CBPRSR2026); len(findings) > 0 {
		t.Errorf("%v in\n%s", findings, data)
	}
}

func TestEmitReject(t *testing.T) {
	_, findings := Parse([]byte("<a"), CBPRSR2026)
	if !Unreadable(findings) {
		t.Fatalf("%v are readable", findings)
	}
	r := RejectionOf(findings, "VIADUCT-R-1", "request 77", noon)
	for _, from := range []string{"", "VIADUS33"} {
		r.From, r.To = from, "VIADDEFF"
		data, err := EmitReject(r)
		if err != nil {
			t.Fatal(err)
		}
		m, findings := Parse(data, ISO)
		if len(findings) > 0 || m.ID() != "admi.002.001.01" {
			t.Errorf("%v in\n%s", findings, data)
		}
		body := m.Root.Child("admi.002.001.01")
		if body.Value("RltdRef", "Ref") != "request 77" || body.Value("Rsn", "RjctgPtyRsn") != "FF01" || !strings.Contains(body.Value("Rsn", "RsnDesc"), "not_well_formed") {
			t.Errorf("rejection\n%s", data)
		}
		validate(t, data)
	}
	if _, err := EmitReject(Rejection{MessageID: "x", Created: noon, Description: strings.Repeat("é", 9000)}); err != nil {
		t.Errorf("a rejection of nothing known: %v", err)
	}
}

// TestParseEmitParse writes what was read and reads it again: nothing may be lost or change, and the
// second writing is the first.
func TestParseEmitParse(t *testing.T) {
	const seed = 20260313
	g := &specimen{Rand: rand.New(rand.NewPCG(seed, 1))}
	docs := []string{transfer(t), edit(t, transfer(t), "head.001.001.02", "head.001.001.01")}
	heads := map[string]schema{}
	for _, s := range slices.Concat(generatedSchemas, writtenSchemas) {
		heads[s.id] = s
	}
	for _, s := range slices.Concat(generatedSchemas, writtenSchemas) {
		for i := range 100 {
			if s.root != "Document" {
				continue
			}
			doc := g.message(s).String()
			if i%2 == 0 {
				head := heads[g.pick("head.001.001.01", "head.001.001.02")]
				doc = "<w>" + g.message(head).String() + doc + "</w>"
			}
			docs = append(docs, doc)
		}
	}
	for _, doc := range docs {
		roundTrip(t, doc)
	}
}

func roundTrip(t *testing.T, doc string) {
	t.Helper()
	m, findings := Parse([]byte(doc), ISO)
	if m == nil || len(schemaVerdict(doc)) > 0 {
		t.Fatalf("%v in\n%s", findings, doc)
	}
	once, err := Emit(m)
	if err != nil {
		t.Fatalf("%v\nfrom\n%s", err, doc)
	}
	back, _ := Parse(once, ISO)
	if !equal(m.Root, back.Root) || (m.Header == nil) != (back.Header == nil) || m.Header != nil && !equal(m.Header.Root, back.Header.Root) {
		t.Errorf("\n%s\nwas written as\n%s", doc, once)
	}
	if twice, err := Emit(back); err != nil || !bytes.Equal(once, twice) {
		t.Errorf("written again, with %v,\n%s\nbecomes\n%s", err, once, twice)
	}
}

func equal(a, b *Node) bool {
	if a.Name != b.Name || a.Text != b.Text && a.first == nil || a.Ccy != b.Ccy || (a.any == nil) != (b.any == nil) {
		return false
	}
	x, y := a.first, b.first
	for ; x != nil && y != nil; x, y = x.next, y.next {
		if !equal(x, y) {
			return false
		}
	}
	return x == nil && y == nil
}

func TestEmitKeepsWildcardsAsTheyAre(t *testing.T) {
	const inner = `<s:Data a:k="1" b="&#10;"><c/>text <![CDATA[<]]></s:Data>`
	doc := edit(t, transfer(t), "<p:Document ", `<p:Document xmlns:s="urn:s" xmlns:a="urn:a" `,
		"</p:CdtTrfTxInf>", "<p:SplmtryData><p:Envlp>"+inner+"</p:Envlp></p:SplmtryData></p:CdtTrfTxInf>")
	m, findings := Parse([]byte(doc), ISO)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	data, err := Emit(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, rest, ok := strings.Cut(string(data), "<s:Data "); !ok || !strings.Contains(rest, `a:k="1" b="&#10;"><c/>text <![CDATA[<]]></s:Data>`) || !strings.Contains(rest, `xmlns:a="urn:a"`) {
		t.Errorf("the wildcard became\n%s", data)
	}
	roundTrip(t, doc)
}

func TestFold(t *testing.T) {
	lines := fold("one two\nthree "+strings.Repeat("é", 30), 10, 4)
	if got := strings.Join(lines, "|"); got != "one two|three|éééééééééé|éééééééééé" {
		t.Errorf("folded to %s", got)
	}
	if lines := fold(" \n ", 10, 4); lines != nil {
		t.Errorf("blanks folded to %q", lines)
	}
}
