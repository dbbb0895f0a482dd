package iso20022

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
)

// FuzzParse: no document makes the reader panic, a document without schema findings can be written
// and reads back the same, and findings always say where.
func FuzzParse(f *testing.F) {
	f.Add([]byte(transfer(f)))
	f.Add([]byte(specimenCreditTransfer))
	g := &specimen{Rand: rand.New(rand.NewPCG(1, 2))}
	for _, s := range slices.Concat(generatedSchemas, writtenSchemas) {
		f.Add([]byte(g.message(s).String()))
	}
	f.Add([]byte(oldInitiation))
	f.Add([]byte(oldStatement))
	f.Add([]byte(strings.NewReplacer("pacs.008.001.08", "pacs.008.001.12", "head.001.001.02", "head.001.001.03").Replace(transfer(f))))
	for _, s := range []string{"", "<a", "<a>&#x41;</a>", "<?xml version='1.0'?><a/>", "\uFEFF<a b='c'/>", "<a xmlns:b='c'><b:d/></a>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range []Profile{CBPRSR2026, ISO} {
			m, findings := Parse(data, p)
			if m == nil && len(findings) == 0 {
				t.Fatal("no message and no finding")
			}
			for _, x := range findings {
				if x.Rule == "" || x.Message == "" || x.Line < 1 || x.Line > bytes.Count(data, []byte("\n"))+1 {
					t.Fatalf("finding %v", x)
				}
			}
			if m == nil {
				continue
			}
			m.CreditTransfer()
			m.Initiation()
			m.Originals()
			m.ReportRequests()
			if _, err := EmitStatusReport(m.Answer("A", noon)); err != nil && len(findings) == 0 && m.Type == "pacs.008" {
				t.Logf("answer: %v", err) // a status is still missing; it must not panic
			}
		}
		r := read(data)
		_, own := lookup(r.messageID)
		_, head := lookup(r.headerID)
		if len(r.findings) == 0 && own && (head || r.header == nil) {
			roundTrip(t, string(data)) // other versions are read and not written
		}
	})
}

// FuzzEmit: whatever text is put in what we write, it is written so that it reads back as it was, or
// refused.
func FuzzEmit(f *testing.F) {
	f.Add("VIADUCT-1", "a < b & \"c\"", "waits]]>", int64(0), false)
	f.Add("\r\n\t", "é\U0001F600", "\x00\xff", int64(-5), true)
	f.Fuzz(func(t *testing.T, id, reference, info string, units int64, rejected bool) {
		r := report()
		r.MessageID, r.Transactions[0].EndToEndID, r.Transactions[0].Info = id, reference, info
		recall := Resolution{MessageID: id, Created: noon, From: "VIADUS33", To: "VIADDEFF", Status: RecallPending,
			Recalls: []Recall{{Original: Original{ID: reference, InstrID: reference, Case: id}, Status: RecallPending, Info: info}}}
		order := TxStatus{EndToEndID: reference, Status: Settled, Info: info}
		initiation := InitiationReport{MessageID: id, Created: noon, OriginalID: reference, OriginalName: "pain.001.001.09", Lots: []LotStatus{{ID: reference, Orders: []TxStatus{order}}}}
		if rejected {
			r.Transactions, r.Group = nil, TxStatus{Status: Rejected, Info: info}
			initiation.Lots, initiation.Group = nil, TxStatus{Status: Rejected, Info: info}
			recall.Status, recall.Recalls[0].Status, recall.Recalls[0].Reason = RecallRejected, RecallRejected, "LEGL"
		}
		usd := money.MustCurrency("USD")
		day := Report{Kind: DayStatement, MessageID: id, Created: noon, Accounts: []AccountReport{{Account: reference, Owner: "VIADDEFF", From: noon, Until: noon.Add(time.Hour),
			Opening: money.New(0, usd), Closing: money.New(units, usd), Entries: []Entry{{Reference: reference, Servicer: id, Amount: money.New(units, usd), Booked: noon, Code: "X", EndToEndID: reference}}}}}
		emitted := func(data []byte, err error) *Node {
			if err != nil {
				return nil
			}
			m, _ := Parse(data, ISO)
			if got := m.MessageID(); m.Type != "admi.002" && got != id {
				t.Fatalf("%s: id %q became %q", m.ID(), id, got)
			}
			return m.body()
		}
		if body := emitted(EmitStatusReport(r)); body != nil && !rejected && body.Value("TxInfAndSts", "OrgnlEndToEndId") != reference {
			t.Fatalf("reference %q changed", reference)
		}
		if body := emitted(EmitResolution(recall)); body != nil && body.Value("CxlDtls", "TxInfAndSts", "CxlStsId") != reference {
			t.Fatalf("reference %q changed", reference)
		}
		if body := emitted(EmitInitiationReport(initiation)); body != nil && !rejected && body.Value("OrgnlPmtInfAndSts", "TxInfAndSts", "OrgnlEndToEndId") != reference {
			t.Fatalf("reference %q changed", reference)
		}
		if body := emitted(EmitReport(day)); body != nil && body.Value("Stmt", "Ntry", "NtryRef") != reference {
			t.Fatalf("reference %q changed", reference)
		}
		if emitted(EmitReject(Rejection{MessageID: "R", Created: noon, Reference: id, Reason: reference, Description: info, Location: info})) == nil {
			t.Fatal("a rejection could not be written")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	data := []byte(transfer(b))
	for _, p := range []Profile{CBPRSR2026, ISO} {
		b.Run(p.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, findings := Parse(data, p); len(findings) > 0 {
					b.Fatal(findings)
				}
			}
		})
	}
}

func BenchmarkEmitStatusReport(b *testing.B) {
	r := report()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EmitStatusReport(r); err != nil {
			b.Fatal(err)
		}
	}
}

// hostileBytes is how large the hostile documents are.
const hostileBytes = 1 << 20

// hostile documents of hostileBytes, each made to be expensive for some part of the reader.
func hostile(t testing.TB) map[string][]byte {
	t.Helper()
	fill := func(head, unit, tail string) []byte {
		n := (hostileBytes - len(head) - len(tail)) / len(unit)
		return []byte(head + strings.Repeat(unit, n) + tail)
	}
	const doc = `<Document xmlns="` + spacePrefix + `pacs.008.001.08">`
	const tx = doc + "<FIToFICstmrCdtTrf><CdtTrfTxInf>"
	const old = `<Document xmlns="` + spacePrefix + `camt.053.001.02"><BkToCstmrStmt><Stmt>`
	base := transfer(t)
	document := base[strings.Index(base, "<p:Document"):strings.Index(base, "</Envelope>")]
	at := strings.Index(document, "<p:CdtTrfTxInf>")
	end := strings.Index(document, "</p:FIToFICstmrCdtTrf>")
	amounts := strings.Index(document, "<p:ChrgsInf>")
	envelope := doc + "<FIToFICstmrCdtTrf>"
	var prefixes strings.Builder
	for i := range 60 {
		fmt.Fprintf(&prefixes, ` xmlns:p%d="urn:%d"`, i, i)
	}
	return map[string][]byte{
		"unknown elements":  fill(doc, "<a/>", "</Document>"),
		"wrapper elements":  fill("<w>", "<a></a>", "</w>"),
		"known elements":    fill(envelope, "<CdtTrfTxInf/>", ""),
		"missing elements":  fill(envelope, "<CdtTrfTxInf><PmtId/></CdtTrfTxInf>", ""),
		"duplicates":        fill(tx, "<XchgRate>1</XchgRate>", ""),
		"deep":              fill("", "<a>", ""),
		"attributes":        fill("<a", ` b="c"`, "/>"),
		"many attributes":   fill("<a", ` x:b="c"`, "/>"),
		"prefixes":          fill("<w"+prefixes.String()+">", "<p0:a/><p1:a/>", "</w>"),
		"declarations":      fill("<w>", `<a xmlns:b="c"/>`, "</w>"),
		"text in pieces":    fill(tx+"<PmtId><InstrId>", "a<!---->", ""),
		"references":        fill(tx+"<PmtId><InstrId>", "&#x41;", ""),
		"carriage returns":  fill(tx+"<PmtId><InstrId>", "\r", ""),
		"brackets":          fill(tx+"<PmtId><InstrId>", "]", ""),
		"comments":          fill("", "<!-- -->\n", "<a/>"),
		"one comment":       fill("<!--", "-", "--><a/>"),
		"instructions":      fill("", "<?a b?>", "<a/>"),
		"cdata":             fill(doc, "<![CDATA[]]>", "</Document>"),
		"lines":             fill(doc, "\n<a/>", "</Document>"),
		"digits":            fill(tx+`<IntrBkSttlmAmt Ccy="EUR">`, "1", "</IntrBkSttlmAmt>"),
		"year":              fill(tx+`<IntrBkSttlmDt>`, "1", "</IntrBkSttlmDt>"),
		"valid transfers":   fill(document[:at], document[at:end], document[end:]),
		"charges":           fill(document[:amounts], `<p:ChrgsInf><p:Amt Ccy="GBP">5.00</p:Amt><p:Agt><p:FinInstnId/></p:Agt></p:ChrgsInf>`, document[amounts:]),
		"remittance":        fill(document[:strings.Index(document, "<p:Ustrd>")], "<p:Ustrd>é</p:Ustrd>", document[strings.Index(document, "</p:RmtInf>"):]),
		"wildcards":         fill(document[:strings.Index(document, "</p:CdtTrfTxInf>")], "<p:SplmtryData><p:Envlp><x/></p:Envlp></p:SplmtryData>", document[strings.Index(document, "</p:CdtTrfTxInf>"):]),
		"inside a wildcard": fill(envelope+"<SplmtryData><Envlp><x>", "<Document/>", ""),
		"long name":         fill("<", "a", "/>"),
		"long prefix":       fill("<", "a", ":b/>"),
		"long attribute":    fill("<a ", "b", "='c'/>"),
		"long value":        fill("<a b='", "&#x41;", "'/>"),
		"name of a child":   fill(doc+"<", "a", "/></Document>"),
		"deep wrappers":     fill("", strings.Repeat("<a>", 63)+strings.Repeat("</a>", 63), ""),
		"deep in one":       fill("<w>", strings.Repeat("<a>", 60)+strings.Repeat("</a>", 60), "</w>"),
		"deep wildcards":    fill(envelope+"<SplmtryData><Envlp><x>", strings.Repeat("<a>", 50)+strings.Repeat("</a>", 50), "</x>"),
		"many declarations": fill("<w>", "<a"+prefixes.String()+"/>", "</w>"),
		"changing spaces":   fill("<w xmlns:a='u' xmlns:b='v'>", "<a:x/><b:x/>", "</w>"),
		"clearing codes":    fill(document[:at], strings.NewReplacer("<p:BICFI>VIADDEFF</p:BICFI>", "<p:ClrSysMmbId><p:MmbId>1</p:MmbId></p:ClrSysMmbId>", "<p:BICFI>VIADUS33</p:BICFI>", "<p:ClrSysMmbId><p:MmbId>1</p:MmbId></p:ClrSysMmbId>").Replace(document[at:end]), document[end:]),
		"instructions for":  fill(document[:strings.Index(document, "<p:Purp>")], "<p:InstrForCdtrAgt><p:Cd>HOLD</p:Cd></p:InstrForCdtrAgt>", document[strings.Index(document, "<p:Purp>"):]),
		"gathered":          fill(old+"<TxsSummry><TtlNtries>", "<TtlNetNtryAmt>1</TtlNetNtryAmt><CdtDbtInd>DBIT</CdtDbtInd>", ""),
		"gathered apart":    fill(old+"<Ntry><Chrgs>", "<Amt Ccy='EUR'>1</Amt><Foo/>", ""),
		"charges of old":    fill(old+"<Ntry>", "<Chrgs><Amt Ccy='EUR'>1</Amt></Chrgs>", ""),
		"lifted":            fill(old, "<Ntry><Sts>BOOK</Sts></Ntry>", ""),
		"zeros":             make([]byte, hostileBytes),
		"unfinished tags":   fill("", "<", ""),
		"unfinished text":   fill("<a>", "&", ""),
		"quotes":            fill(`<a b="`, "'", ""),
	}
}

// TestHostileDocuments fails only where the time grows with the square of the size; what a document
// takes on a quiet machine is BenchmarkHostile's to say.
func TestHostileDocuments(t *testing.T) {
	for name, data := range hostile(t) {
		for _, p := range []Profile{CBPRSR2026, ISO} {
			start := time.Now()
			_, findings := Check(data, p)
			took := time.Since(start)
			if len(findings) > maxFindings+2 { // that there are too many, and that the version does not fit
				t.Errorf("%s: %d findings", name, len(findings))
			}
			if took > 2*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
			if testing.Verbose() {
				t.Logf("%-20s %-12s %8v, %d findings", name, p, took.Round(10*time.Microsecond), len(findings))
			}
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, data := range hostile(b) {
		for _, p := range []Profile{CBPRSR2026, ISO} {
			b.Run(strings.ReplaceAll(name, " ", "-")+"/"+p.String(), func(b *testing.B) {
				for b.Loop() {
					Check(data, p)
				}
			})
		}
	}
}
