package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// bulk is a message of many transactions; change spoils the one at a place, none at -1.
func bulk(many, at int, change ...string) string {
	doc := pacs008()
	from, to := strings.Index(doc, "  <CdtTrfTxInf>"), strings.Index(doc, "</FIToFICstmrCdtTrf>")
	var all strings.Builder
	for i := range many {
		tx := strings.NewReplacer(uetrA, fmt.Sprintf("8e3f1c6a-52d1-4c7e-9f3b-%012x", i), "1000.00", "1.25").Replace(doc[from:to])
		if i == at {
			tx = strings.NewReplacer(change...).Replace(tx)
		}
		all.WriteString(tx)
	}
	return strings.Replace(doc[:from]+all.String()+doc[to:], "<NbOfTxs>1<", fmt.Sprintf("<NbOfTxs>%d<", many), 1)
}

// One bad transaction of a thousand has the whole message refused, by name, and nothing moves; one that
// the ledger refuses is rejected alone.
func TestOneBadOfAThousand(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"iso_profile": "iso"}))
	balance := func() string {
		return r.must(200, r.do("GET", "/v1/lines/"+mexican+"/EUR/"+german, mexican, nil)).text("balance")
	}
	for _, tt := range []struct {
		name, told string
		doc        string
	}{
		{"an unknown bank", "RJCT RC04", bulk(1000, 613, "<InstdAgt><FinInstnId><BICFI>"+german, "<InstdAgt><FinInstnId><BICFI>NOBKDEFF")},
		{"no amount", "RJCT AM01", bulk(1000, 613, "1.25", "0.00")},
		{"too many decimals", "RJCT CH20", bulk(1000, 613, "1.25", "1.255")},
		{"one in another's name", "RJCT RC03", bulk(1000, 613, "<InstgAgt><FinInstnId><BICFI>"+mexican, "<InstgAgt><FinInstnId><BICFI>"+romanian)},
		{"one too many", "RJCT FF01", bulk(1001, -1)},
	} {
		got := told(r.asks(400, mexican, tt.doc, "Prefer", "wait=10"))
		if tt.name != "one too many" && (len(got) != 1000 || got[613] != tt.told) || tt.name == "one too many" && got[0] != tt.told {
			t.Errorf("%s: %d statuses, %q among them", tt.name, len(got), got[min(613, len(got)-1)])
		}
		if got := balance(); got != "50000.00" {
			t.Fatalf("%s moved money: %s", tt.name, got)
		}
	}
	twice := bulk(1000, 613, "8e3f1c6a-52d1-4c7e-9f3b-000000000265", "8e3f1c6a-52d1-4c7e-9f3b-000000000264")
	got := told(r.asks(201, mexican, twice, "Prefer", "wait=10"))
	rejected := 0
	for i := range got {
		if got[i] != "ACSC" {
			if rejected++; i != 613 || got[i] != "RJCT DUPL" {
				t.Errorf("transaction %d: %s", i, got[i])
			}
		}
	}
	if len(got) != 1000 || rejected != 1 || balance() != "48751.25" {
		t.Errorf("%d statuses, %d rejected, balance %s", len(got), rejected, balance())
	}
}

// What is not a message is refused for what it is, and leaves nothing behind.
func TestNotAMessage(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	kept := len(r.inbox(mexican))
	good := pacs008()
	for _, tt := range []struct {
		name, media, body, accept string
		status                    int
		code                      string // of a problem; "" for a message
	}{
		{"XML as JSON", "application/json", good, "", 415, "unsupported_media_type"},
		{"XML as text", "text/plain", good, "", 415, "unsupported_media_type"},
		{"XML in another character set", "application/xml; charset=iso-8859-1", good, "", 415, "unsupported_media_type"},
		{"JSON as XML", "application/xml", `{"to":"EURBDEFF"}`, "", 400, ""},
		{"JSON as XML, for who takes JSON", "application/xml", `{"to":"EURBDEFF"}`, "application/json", 400, "malformed_xml"},
		{"nothing", "application/xml", "", "", 400, ""},
		{"a NUL", "application/xml", "<a>\x00</a>", "", 400, ""},
		{"not UTF-8", "application/xml", strings.Replace(good, "Tienda", "\xff\xfe", 1), "", 400, ""},
		{"another encoding", "application/xml", strings.Replace(good, `encoding="UTF-8"`, `encoding="UTF-16"`, 1), "", 400, ""},
		{"entities", "application/xml", strings.Replace(good, "<Message>", `<!DOCTYPE m [<!ENTITY a "`+strings.Repeat("ha", 50)+`">]><Message>`, 1), "", 400, ""},
		{"two documents", "application/xml", strings.Replace(good, "</Message>", good[strings.Index(good, "<Document"):], 1), "", 400, ""},
		{"deep", "application/xml", strings.Repeat("<a>", 100_000), "", 400, ""},
		{"large", "application/xml", "<a>" + strings.Repeat(" ", 5<<20), "", 413, "too_large"},
	} {
		r.t = t
		header := map[string]string{}
		if tt.accept != "" {
			header["Accept"] = tt.accept
		}
		start := time.Now()
		got := r.must(tt.status, r.call(call{method: "POST", path: "/v1/messages", as: mexican, body: tt.body, media: tt.media, noKey: true, header: header}))
		if tt.code != "" {
			diff(t, tt.name, got.text("code"), tt.code)
		} else if m := r.valid(got.body); m.Type != "admi.002" && m.Type != "pacs.002" {
			t.Errorf("%s is answered by a %s", tt.name, m.ID())
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", tt.name, took)
		}
	}
	if got := len(r.inbox(mexican)); got != kept {
		t.Errorf("%d messages are kept, were %d", got, kept)
	}
	got := r.must(415, r.call(call{method: "POST", path: "/v1/payments", as: mexican, body: good, media: "application/xml"}))
	diff(t, "XML as a JSON order", got.text("code"), "unsupported_media_type")
}

// A key of a JSON order and a MsgId are one space: what was used as one is not used as the other.
func TestKeysAcrossForms(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	one := obj{"to": german, "deliver": cash("EUR", "1.00"), "send_max": cash("EUR", "1.00")}
	r.must(201, r.do("POST", "/v1/payments", mexican, one, "Idempotency-Key", "MX-0001", "Prefer", "wait=10"))
	diff(t, "the key as a MsgId", told(r.asks(422, mexican, pacs008())), []string{"RJCT DUPL"})
	r.asks(201, mexican, pacs008("MX-0001", "MX-0002"), "Prefer", "wait=10")
	got := r.must(422, r.do("POST", "/v1/payments", mexican, one, "Idempotency-Key", "MX-0002"))
	diff(t, "the MsgId as a key", got.text("code"), "idempotency_key_reused")
	// The UETR of a message is a duplicate as JSON, and the other way round.
	with := obj{"to": german, "deliver": cash("EUR", "1.00"), "send_max": cash("EUR", "1.00"), "uetr": uetrA}
	rejected := r.must(201, r.do("POST", "/v1/payments", mexican, with, "Prefer", "wait=10"))
	diff(t, "the UETR of a message", rejected.text("iso_reason"), "DUPL")
	with["uetr"] = uetrB
	r.must(201, r.do("POST", "/v1/payments", mexican, with, "Prefer", "wait=10"))
	diff(t, "the UETR of a JSON order", told(r.asks(201, mexican, pacs008("MX-0001", "MX-0003", uetrA, uetrB), "Prefer", "wait=10")), []string{"RJCT DUPL"})
}
