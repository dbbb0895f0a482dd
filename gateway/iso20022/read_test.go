package iso20022

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// transfer is a valid cross-border pacs.008 with its header inside a wrapper.
func transfer(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/pacs008.xml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// edit replaces pairs of old and new text; each old must be there once, so that a test does not
// silently test nothing.
func edit(t testing.TB, doc string, pairs ...string) string {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if n := strings.Count(doc, pairs[i]); n != 1 {
			t.Fatalf("%q is %d times in the document, want once", pairs[i], n)
		}
		doc = strings.Replace(doc, pairs[i], pairs[i+1], 1)
	}
	return doc
}

func TestParseValid(t *testing.T) {
	m, findings := Parse([]byte(transfer(t)), CBPRSR2026)
	if len(findings) > 0 {
		t.Fatalf("findings in a valid message: %v", findings)
	}
	h := m.Header
	if m.ID() != "pacs.008.001.08" || h.From != "VIADDEFF" || h.To != "VIADUS33XXX" || h.BizMsgIdr != "VIADUCT-20260313-0001" ||
		h.MsgDefIdr != "pacs.008.001.08" || !h.Created.Equal(time.Date(2026, 3, 13, 8, 30, 0, 0, time.UTC)) {
		t.Errorf("message %s, header %+v", m.ID(), h)
	}
	tx := m.Root.At("FIToFICstmrCdtTrf", "CdtTrfTxInf")
	if got := tx.Value("Dbtr", "Nm"); got != "Example Bakery & Sons" {
		t.Errorf("debtor %q", got)
	}
	if a := tx.Child("IntrBkSttlmAmt"); a.Ccy != "USD" || a.Text != "1080.50" || a.Path() != "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/IntrBkSttlmAmt" {
		t.Errorf("amount %s %s at %s", a.Ccy, a.Text, a.Path())
	}
	if tx.At("Dbtr", "Id", "PrvtId", "Othr").Value("Id") != "" {
		t.Error("an element that is not there has a value")
	}
}

const (
	txPath   = "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]"
	headPath = "/Document/FIToFICstmrCdtTrf/GrpHdr"
)

// want is a finding as the tests write it: rule, path, ISO reason.
func wantFindings(t *testing.T, name string, got []Finding, want ...string) {
	t.Helper()
	var list []string
	for _, f := range got {
		list = append(list, fmt.Sprintf("%s %s %s", f.Rule, f.Path, f.Reason))
		if f.Message == "" || f.Line < 1 {
			t.Errorf("%s: finding without a message or a line: %v", name, f)
		}
	}
	if strings.Join(list, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: got\n  %s\nwant\n  %s", name, strings.Join(list, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestParseFindsEveryFault(t *testing.T) {
	doc := edit(t, transfer(t),
		"<p:MsgId>VIADUCT-20260313-0001</p:MsgId>", "<p:MsgId></p:MsgId>",
		"<p:NbOfTxs>1</p:NbOfTxs>", "<p:NbOfTxs>1</p:NbOfTxs><p:Foo><p:Bar/></p:Foo>",
		"<p:InstrId>I-20260313-1</p:InstrId>", "",
		"</p:EndToEndId>", "</p:EndToEndId><p:InstrId>late</p:InstrId>",
		`Ccy="EUR">1000.00<`, `x="y">1000.123456<`,
		"<p:ChrgBr>SHAR</p:ChrgBr>", "<p:ChrgBr>XXXX</p:ChrgBr>stray",
		"2026-03-13</p:IntrBkSttlmDt>", "2026-02-30</p:IntrBkSttlmDt>",
		"<p:Id><p:IBAN>", "<p:Id><p:Othr><p:Id>1</p:Id></p:Othr><p:IBAN>",
		"<p:Id><p:Othr><p:Id>000123456</p:Id></p:Othr></p:Id>", "<p:Id/>",
		"<p:Ustrd>Invoice 77 of March</p:Ustrd>", "<p:Ustrd>"+strings.Repeat("x", 141)+"</p:Ustrd>",
		"VIADUS33</p:BICFI>", "VIADUS3</p:BICFI>",
	)
	_, findings := Parse([]byte(doc), ISO)
	wantFindings(t, "many faults", findings,
		"facet_length "+headPath+"/MsgId CH16",
		"unknown_element "+headPath+"/Foo CH17",
		"wrong_order "+txPath+"/PmtId/InstrId FF01",
		"facet_date "+txPath+"/IntrBkSttlmDt DT01",
		"unknown_attribute "+txPath+"/InstdAmt/@x CH17",
		"missing_attribute "+txPath+"/InstdAmt/@Ccy CH21",
		"facet_digits "+txPath+"/InstdAmt CH16",
		"facet_enumeration "+txPath+"/ChrgBr CH16",
		"text_not_allowed "+txPath+" CH17",
		"facet_pattern "+txPath+"/InstdAgt/FinInstnId/BICFI CH16",
		"choice_both "+txPath+"/DbtrAcct/Id/IBAN CH17",
		"choice_none "+txPath+"/CdtrAcct/Id CH21",
		"facet_length "+txPath+"/RmtInf/Ustrd[1] CH16",
	)
	for _, f := range findings {
		if f.Rule == "facet_enumeration" && f.Line != 29 {
			t.Errorf("ChrgBr is on line %d, want 29", f.Line)
		}
	}
}

func TestParseFindsOneFault(t *testing.T) {
	base := transfer(t)
	id := func(edits ...string) string { return edit(t, base, edits...) }
	tests := map[string]struct {
		doc  string
		want string
	}{
		"missing":            {id("<p:ChrgBr>SHAR</p:ChrgBr>", ""), "missing_element " + txPath + "/ChrgBr CH21"},
		"duplicate":          {id("<p:XchgRate>", "<p:XchgRate>1.0855</p:XchgRate><p:XchgRate>"), "duplicate_element " + txPath + "/XchgRate[2] CH17"},
		"too many":           {id("<p:RmtInf>", strings.Repeat("<p:RltdRmtInf/>", 12)+"<p:RmtInf>"), "too_many_elements " + txPath + "/RltdRmtInf[11] CH17"},
		"negative":           {id(">5.00<", ">-5.00<"), "facet_minimum " + txPath + "/ChrgsInf[1]/Amt AM12"},
		"currency":           {id(`Ccy="EUR"`, `Ccy="eur"`), "facet_pattern " + txPath + "/InstdAmt/@Ccy CH16"},
		"element in text":    {id("Flour Mill Inc", "Flour <b/> Inc"), "unknown_element " + txPath + "/Cdtr/Nm/b CH17"},
		"other namespace":    {id("<p:ChrgBr>SHAR", "<p:PmtTpInf xmlns:p='urn:x'/><p:ChrgBr>SHAR"), "unknown_element " + txPath + "/PmtTpInf CH17"},
		"dtd":                {"<!DOCTYPE Envelope [<!ENTITY a 'b'>]>" + base[strings.Index(base, "<Env"):], "dtd_refused  FF01"},
		"entity":             {id("Flour Mill", "&flour;"), "not_well_formed " + txPath + "/Cdtr/Nm FF01"},
		"unclosed":           {base[:len(base)-20], "not_well_formed /Document FF01"},
		"not xml":            {"{}", "not_well_formed  FF01"},
		"empty":              {"", "not_well_formed  FF01"},
		"latin 1":            {id(`encoding="UTF-8"`, `encoding="ISO-8859-1"`), "not_utf8  FF01"},
		"bytes not utf-8":    {id("Musterweg", "M\xfcsterweg"), "not_utf8  FF01"},
		"deep":               {strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100), "too_deep  FF01"},
		"large":              {base + strings.Repeat(" ", MaxBytes), "too_large  FF01"},
		"no document":        {"<a><b/></a>", "missing_document /Document FF01"},
		"html":               {"<html><body>not found</body></html>", "missing_document /Document FF01"},
		"other root":         {`<Document xmlns="urn:x"/>`, "unknown_namespace /Document FF01"},
		"other message":      {`<Document xmlns="` + spacePrefix + `setr.001.001.04"/>`, "unsupported_message /Document FF01"},
		"other version":      {`<Document xmlns="` + spacePrefix + `pacs.008.001.99"/>`, "unsupported_version /Document FF01"},
		"other header":       {id("head.001.001.02", "head.001.001.09"), "unsupported_version /AppHdr FF01"},
		"header as message":  {`<Document xmlns="` + spacePrefix + `head.001.001.02"/>`, "unsupported_message /Document FF01"},
		"second document":    {id("</Envelope>", `<Document xmlns="`+spacePrefix+`pacs.008.001.08"/></Envelope>`), "duplicate_document /Document FF01"},
		"late header":        {id("<AppHdr", "<X", "</AppHdr>", "</X>", "</Envelope>", base[strings.Index(base, "<AppHdr"):strings.Index(base, "<p:Doc")]+"</Envelope>"), "header_position /AppHdr FF01"},
		"two documents":      {base[strings.Index(base, "<p:Doc"):strings.Index(base, "</Envelope>")] + "<a/>", "not_well_formed  FF01"},
		"header and no more": {base[strings.Index(base, "<AppHdr"):strings.Index(base, "<p:Doc")] + "<a/>", "missing_document /Document FF01"},
		"two headers alone":  {strings.Repeat(base[strings.Index(base, "<AppHdr"):strings.Index(base, "<p:Doc")], 2), "duplicate_header /AppHdr FF01\nmissing_document /Document FF01"},
		"second header":      {id("<p:Document", base[strings.Index(base, "<AppHdr"):strings.Index(base, "<p:Doc")]+"<p:Document"), "duplicate_header /AppHdr FF01"},
	}
	for name, tt := range tests {
		m, findings := Parse([]byte(tt.doc), ISO)
		wantFindings(t, name, findings, strings.Split(tt.want, "\n")...)
		if m == nil && !Unreadable(findings) {
			t.Errorf("%s: no message, but %v is readable", name, findings)
		}
	}
}

func TestParseTakesAnyWrapperAndPrefix(t *testing.T) {
	base := transfer(t)
	header := base[strings.Index(base, "<AppHdr"):strings.Index(base, "<p:Document")]
	document := base[strings.Index(base, "<p:Document"):strings.Index(base, "</Envelope>")]
	for name, doc := range map[string]string{
		"bare":          document,
		"no namespace":  "<w>" + header + document + "</w>",
		"no wrapper":    header + "\n<!-- and now -->\n" + document,
		"nvlp":          `<n:BizMsgEnvlp xmlns:n="` + spacePrefix + `nvlp.001.001.01"><n:Hdr>` + header + `</n:Hdr><n:Doc>` + document + `</n:Doc></n:BizMsgEnvlp>`,
		"deep":          `<s:DataPDU xmlns:s="urn:saa"><s:Header><x>Document</x></s:Header><s:Body>` + header + document + "</s:Body></s:DataPDU>",
		"default space": strings.NewReplacer("<p:", "<", "</p:", "</", "xmlns:p=", "xmlns=").Replace(document),
		"cdata":         edit(t, document, "Flour Mill Inc", "<![CDATA[Flour]]> Mill<!-- & --> Inc"),
		"references":    edit(t, document, "Flour Mill Inc", "&#70;lour&#x20;Mill Inc"),
	} {
		m, findings := Parse([]byte(doc), ISO)
		if len(findings) > 0 {
			t.Errorf("%s: %v", name, findings)
			continue
		}
		if got := m.Root.Value("FIToFICstmrCdtTrf", "CdtTrfTxInf", "Cdtr", "Nm"); got != "Flour Mill Inc" {
			t.Errorf("%s: creditor %q", name, got)
		}
		if strings.Contains(doc, "AppHdr") != (m.Header != nil) {
			t.Errorf("%s: header %v", name, m.Header)
		}
	}
}

func TestSamples(t *testing.T) {
	dir := "../../../shared/iso20022/samples"
	if files, _ := filepath.Glob(dir + "/*/*.xml"); len(files) == 0 {
		t.Skip("SKIPPED: the sample messages are not beside the repository; none was parsed")
	}
	valid, _ := filepath.Glob(dir + "/valid/*.xml")
	for _, file := range valid {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		profiles := []Profile{ISO, Market}
		if strings.Contains(file, "cbpr") {
			profiles = []Profile{ISO, Market, CBPRSR2025, CBPRSR2026}
		}
		for _, p := range profiles {
			if _, findings := Parse(data, p); len(findings) > 0 {
				t.Errorf("%s under %s: %v", filepath.Base(file), p, findings)
			}
		}
	}
	broken, _ := filepath.Glob(dir + "/broken/*.xml")
	for _, file := range broken {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"mismatch": "header_sender " + txPath + "/InstgAgt/FinInstnId/BICFI",
			"issue":    "duplicate_element " + txPath + "/CdtrAgt[2]",
			"xau":      "commodity_currency " + txPath + "/IntrBkSttlmAmt",
		}
		name := filepath.Base(file)
		for _, p := range []Profile{CBPRSR2025, CBPRSR2026} {
			_, findings := Parse(data, p)
			found := ""
			for _, f := range findings {
				found += f.Rule + " " + f.Path + "\n"
			}
			if w := want[name[strings.LastIndexByte(name, '-')+1:len(name)-len(".xml")]]; w == "" || !strings.Contains(found, w+"\n") {
				t.Errorf("%s under %s: got %swant %s", name, p, found, w)
			}
		}
	}
}
