package gateway

import (
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"viaduct/internal/testenv"
)

// Of a participant that has everything there is: a payment every 860 ms up to now, one in a thousand refused,
// with a posting each on one of its lines, and a line with each of many issuers, of 40 currencies.
var bulkRows = []string{
	`INSERT INTO payments (id, sender, receiver, kind, status, code, iso_reason, mode, partial, send_currency, send_issuer,
		deliver_currency, deliver_issuer, amount, bound, least, source, delivered, not_after, uetr, uetr_kind, end_to_end_id, commitment,
		mid_rate, mid_time, mid_source, created, accepted, settled, height, idx)
	SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), '` + mexican + `', CASE WHEN n % 3 = 0 THEN '` + german + `' ELSE '` + romanian + `' END, 'json',
		CASE WHEN n % 1000 = 0 THEN 'rejected' ELSE 'settled' END, CASE WHEN n % 1000 = 0 THEN 'no_path' ELSE '' END, '', 1, false, 'MXN', '',
		CASE WHEN n % 3 = 0 THEN 'EUR' ELSE 'RON' END, '', 100, 2000, 0, 2000, 100, 0, decode(md5(n::text), 'hex'), 1, 'E2E-' || n, '', '', 0, '',
		at, at, at + 500, 1000000 + n, 0
	FROM (SELECT n, $2::bigint - ($1::bigint - n) * 860 AS at FROM generate_series(1, $1::int) AS n) AS all_of_them`,
	`INSERT INTO blocks (height, epoch, time, header, hash, message, state, first_leaf, leaves, checkpoint)
	SELECT 1000000 + n, 1, $2::bigint - ($1::bigint - n) * 860 + 500, last.header, last.hash, last.message, last.state, n, 2, last.checkpoint
	FROM generate_series(1, $1::int) AS n, (SELECT * FROM blocks ORDER BY height DESC LIMIT 1) AS last`,
	`INSERT INTO postings (height, idx, seq, pos, reason, delta, balance) SELECT 1000000 + n, 0, 0, 1000000 + n % 5, 1, -1, n
	FROM generate_series(1, $1::int) AS n WHERE $2::bigint > 0`,
	`INSERT INTO net_minutes (participant, currency, minute, low, high, closing, changes)
	SELECT '` + mexican + `', 'MXN', ($2::bigint - ($1::bigint - n) * 860 + 500) / 60000, min(-n), max(n), max(n % 100000), count(*)
	FROM generate_series(1, $1::int) AS n GROUP BY 3 ON CONFLICT DO NOTHING`,
}

const (
	bulkIssuers = `INSERT INTO participants (bic, name, lei, country, transfer_fee, require_authorization, frozen, ripple_default, keys, admitted, height)
	SELECT 'BK' || chr(65 + n / 676 % 26) || chr(65 + n / 26 % 26) || 'DE' || chr(65 + n % 26) || chr(65 + n / 17576 % 26), 'Bank ' || n, '', 'DE', 0, false, false, false, '', 1, 1
	FROM generate_series(0, $1::int - 1) AS n`
	bulkLines = `INSERT INTO positions (pos, holder, currency, issuer, own, balance, "limit", quality_in, quality_out, ripple, frozen, authorized, height)
	SELECT 1000000 + n, '` + mexican + `', (ARRAY['EUR','USD','GBP','CHF','JPY','SEK','NOK','DKK','PLN','CZK','HUF','RON','BGN','TRY','ILS','ZAR','MXN','BRL','CLP','COP',
		'PEN','UYU','CAD','AUD','NZD','SGD','HKD','CNY','KRW','INR','IDR','MYR','PHP','THB','VND','AED','SAR','KWD','BHD','EGP'])[1 + n % 40],
		'BK' || chr(65 + n / 676 % 26) || chr(65 + n / 26 % 26) || 'DE' || chr(65 + n % 26) || chr(65 + n / 17576 % 26), false, 100000 + n, 1000000, 1000000000, 1000000000, false, false, true, 1
	FROM generate_series(0, $1::int - 1) AS n`
)

// Every page of the console stays small however much its reader has, and its time to the first byte is told.
// VIADUCT_TEST_SCALE=50 makes it a million payments and 5,000 lines.
func TestConsoleAtScale(t *testing.T) {
	r := newRig(t, testenv.Postgres(t))
	r.market()
	real := r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Prefer", "wait=10")).text("id")
	payments, lines := testenv.Scale(t, 20_000), testenv.Scale(t, 100)
	db, err := sql.Open("pgx", r.database)
	r.ok(err)
	defer db.Close()
	fill := func(text string, args ...any) {
		if _, err := db.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UnixMilli()
	for _, text := range bulkRows {
		fill(text, payments, now-1000)
	}
	fill(bulkIssuers, lines)
	fill(bulkLines, lines)
	fill(`ANALYZE`)

	b := r.another()
	v := b.visitor()
	v.signIn(r.keys[mexican])
	middle := url.QueryEscape(time.UnixMilli(now - int64(payments)*430).UTC().Format("2006-01-02"))
	const most = 200_000 // bytes of HTML
	for _, page := range []string{
		"", "?currency=EUR", "/intraday", "/payments", "/payments?status=rejected", "/payments?counterparty=" + german, "/payments?created_from=" + middle,
		"/payments/" + real, "/quote?to=" + german + "&currency=EUR&value=5.00", "/liquidity", "/market?give=EUR&want=MXN", "/network", "/settings",
	} {
		took := make([]time.Duration, 40)
		var size int
		for i := range took {
			start := time.Now()
			status, text, _, _ := v.visit("GET", "/console"+page, nil)
			took[i], size = time.Since(start), len(text)
			if status != 200 {
				t.Fatalf("%s: %d %s", page, status, text)
			}
		}
		slices.Sort(took)
		t.Logf("%-60s p50 %6.1f ms  p99 %6.1f ms  %4d kB", fmt.Sprintf("/console%s", page), took[20].Seconds()*1000, took[39].Seconds()*1000, size/1000)
		if size > most {
			t.Errorf("/console%s: %d bytes of HTML, at most %d", page, size, most)
		}
	}
	t.Logf("%d payments, %d lines", payments, lines)
}
