package gateway

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viaduct/internal/testenv"
	"viaduct/ledger"
)

// Nothing confidential and no secret lies in the database in a form that its reader could use: every table is
// read whole, on SQLite the file's bytes too. What stays in clear is looked for as well, so that a dump that
// reads nothing fails.
func TestDatabaseHoldsNothingConfidential(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			var r *rig
			if kind == "postgres" {
				r = newRig(t, testenv.Postgres(t))
			} else {
				r = newRig(t)
			}
			r.market()
			clear := []string{german, "E2E-1.00", "INV-118", "MX-0001"}
			hidden := []string{
				"MarkerName", "MX-ACCT-MarkerName", "for MarkerName", // of orders
				"Tienda Azul", "012180001234567897", "Werkzeug Meyer", "DE89370400440532013000", "Invoice 118", // of messages
			}
			// Orders in each form, some of which fail, and the same again, so that answers are kept.
			for range 2 {
				r.must(201, r.do("POST", "/v1/payments", mexican, confidential("1.00", "MarkerName"), "Prefer", "wait=10", "Idempotency-Key", "dump-1"))
			}
			poor := confidential("2.00", "MarkerName")
			poor["send_max"] = cash("MXN", "1.00")
			r.must(201, r.do("POST", "/v1/payments", mexican, poor, "Prefer", "wait=10"))
			r.must(202, r.do("POST", "/v1/payments/batch", mexican, obj{"payments": []any{confidential("3.00", "MarkerName")}}))
			r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN"}, "max_over_mid_bps": 300}))
			r.asks(201, mexican, pacs008(), "Prefer", "wait=10")
			hook := r.must(201, r.do("POST", "/v1/webhooks", german, obj{"url": "http://127.0.0.1:1/x"}))
			secret := hook.text("secret")
			if secret == "" {
				secret = hook.text("secrets", "0")
			}
			if secret == "" {
				t.Fatalf("no webhook secret: %s", hook.body)
			}
			hidden = append(hidden, strings.TrimPrefix(secret, "whsec_"))
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
			r.ok(err)
			hidden = append(hidden, string(raw))
			for _, key := range r.keys {
				hidden = append(hidden, key)
			}
			kept, err := r.store.SigningKeys(t.Context(), ledger.MustBIC(mexican))
			r.ok(err)
			seed, err := r.gateway.secrets.opened(kept[0].Sealed, signingKeyUse(kept[0].Public))
			r.ok(err)
			boxes, err := r.store.EncryptionKeys(t.Context(), ledger.MustBIC(german))
			r.ok(err)
			private, err := r.gateway.secrets.opened(boxes[0].Sealed, encryptionKeyUse(boxes[0].Public))
			r.ok(err)
			for _, key := range [][]byte{seed, private, r.config.Secrets.data[:], r.config.Secrets.cursor, r.config.Secrets.fingerprint, r.config.Secrets.token, r.config.Secrets.console[:]} {
				if len(key) != 32 {
					t.Fatalf("a key of %d bytes", len(key))
				}
				hidden = append(hidden, string(key))
			}
			// The gateway reads it all the same, and finds by what is searched.
			list := r.must(200, r.do("GET", "/v1/payments?end_to_end_id=E2E-1.00", german, nil))
			got := r.must(200, r.do("GET", "/v1/payments/"+list.text("data", "0", "id"), german, nil))
			diff(t, "the receiver's", got.text("details", "debtor", "name"), "MarkerName")

			dump := dumped(t, r)
			for _, s := range clear {
				if !bytes.Contains(dump, []byte(s)) {
					t.Errorf("the dump of %d bytes lacks %q", len(dump), s)
				}
			}
			for _, s := range hidden {
				for form, text := range map[string]string{
					"as it is": s, "in base64": base64.RawStdEncoding.EncodeToString([]byte(s))[:len(s)/3*4], "in hex": hex.EncodeToString([]byte(s)),
				} {
					if len(text) >= 8 && bytes.Contains(dump, []byte(text)) {
						t.Errorf("the database holds %q %s", s, form)
					}
				}
			}
		})
	}
}

// dumped returns every value of every table, and of SQLite the bytes of its files.
func dumped(t *testing.T, r *rig) []byte {
	t.Helper()
	var out bytes.Buffer
	driver, dsn, names := "pgx", r.database, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
	if file, lite := strings.CutPrefix(r.database, "sqlite:"); lite {
		driver, dsn, names = "sqlite", file, `SELECT name FROM sqlite_master WHERE type = 'table'`
		files, err := filepath.Glob(file + "*")
		r.ok(err)
		for _, name := range files {
			data, err := os.ReadFile(name)
			r.ok(err)
			out.Write(data)
		}
	}
	db, err := sql.Open(driver, dsn)
	r.ok(err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), names)
	r.ok(err)
	var tables []string
	for rows.Next() {
		var name string
		r.ok(rows.Scan(&name))
		tables = append(tables, name)
	}
	r.ok(rows.Err())
	if len(tables) < 20 {
		t.Errorf("only %d tables: %v", len(tables), tables)
	}
	filled := 0
	for _, table := range tables {
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`)
		r.ok(err)
		columns, err := rows.Columns()
		r.ok(err)
		values, at := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			at[i] = &values[i]
		}
		n := 0
		for ; rows.Next(); n++ {
			r.ok(rows.Scan(at...))
			for _, v := range values {
				if b, ok := v.([]byte); ok {
					out.Write(b)
				} else {
					fmt.Fprint(&out, v)
				}
				out.WriteByte(0)
			}
		}
		r.ok(rows.Err())
		if n > 0 {
			filled++
		}
	}
	if filled < 12 {
		t.Errorf("only %d tables have rows", filled)
	}
	return out.Bytes()
}
