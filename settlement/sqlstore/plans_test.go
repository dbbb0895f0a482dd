package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
	"viaduct/internal/testenv"
	"viaduct/ledger"
)

// bulk fills the database with payments of one sender among 50 banks: one in a thousand rejected, none
// queued, one a second; and a posting each on one position.
const bulkPayments = `INSERT INTO payments (id, sender, receiver, kind, status, code, iso_reason, mode, partial, send_currency, send_issuer,
	deliver_currency, deliver_issuer, amount, bound, least, source, delivered, not_after, uetr, uetr_kind, end_to_end_id, commitment,
	mid_rate, mid_time, mid_source, created, accepted, settled, height, idx)
	SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'BKMXMXMM', 'BANK' || chr(65 + n % 50 / 26) || chr(65 + n % 26) || '2L', 'json',
	CASE WHEN n % 1000 = 0 THEN 'rejected' ELSE 'settled' END, '', '', 1, false, 'MXN', '', CASE WHEN n % 3 = 0 THEN 'EUR' ELSE 'USD' END, '',
	100, 2000, 0, 2000, 100, 0, decode(md5(n::text), 'hex'), 1, 'E2E-' || n, '', '', 0, '', 1700000000000 + n * 1000::bigint,
	1700000000000 + n * 1000::bigint, 1700000000500 + n * 1000::bigint, n, 0 FROM generate_series(1, $1::int) AS n`

// Every list, and a balance of the past, reads an index and stops with its page, however many payments
// there are; Postgres says so itself. VIADUCT_TEST_SCALE=34 makes it a million.
func TestPlans(t *testing.T) {
	url := testenv.Postgres(t)
	ctx := t.Context()
	rows := testenv.Scale(t, 30_000)
	if err := Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, text := range []string{
		strings.ReplaceAll(bulkPayments, "$1", strconv.Itoa(rows)),
		fmt.Sprintf(`INSERT INTO postings (height, idx, seq, pos, reason, delta, balance) SELECT n, 0, 0, n %% 5, 1, 1, n FROM generate_series(1, %d) AS n`, rows),
		fmt.Sprintf(`INSERT INTO blocks (height, epoch, time, header, hash, message, state, first_leaf, leaves, checkpoint)
			SELECT n, 1, 1700000000500 + n * 1000::bigint, '', '', '', '', n, 2, '' FROM generate_series(1, %d) AS n`, rows),
		`INSERT INTO positions (pos, holder, currency, issuer, own, balance, "limit", quality_in, quality_out, ripple, frozen, authorized, height)
			SELECT n, 'BKMXMXMM', 'C' || chr(65 + n) || 'X', 'EURBDEFF', false, 1, 1, 1, 1, false, false, false, 1 FROM generate_series(0, 4) AS n`,
		`ANALYZE`,
	} {
		if _, err := s.reads.ExecContext(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	// explained sends each read's statement through EXPLAIN first.
	plain := s.read
	var slowest time.Duration
	check := func(what string, most int, read func() (int, error)) {
		t.Helper()
		var text string
		var args []any
		s.read = func(ctx context.Context, q string, a ...any) (*sql.Rows, error) {
			text, args = q, a
			return plain(ctx, q, a...)
		}
		defer func() { s.read = plain }()
		start := time.Now()
		n, err := read()
		took := time.Since(start)
		slowest = max(slowest, took)
		if err != nil || n == 0 {
			t.Errorf("%s: %d rows, %v", what, n, err)
			return
		}
		plan, err := list(ctx, plain, "plan", func(r *sql.Rows, line *string) error { return r.Scan(line) }, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+text, args...)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(plan, "\n")
		touched := 0
		for _, m := range regexp.MustCompile(`rows=(\d+)(?:\.\d+)? loops=(\d+)|Rows Removed by \w+(?: \w+)?: (\d+)`).FindAllStringSubmatch(all, -1) {
			a, _ := strconv.Atoi(m[1])
			b, _ := strconv.Atoi(m[2])
			c, _ := strconv.Atoi(m[3])
			touched = max(touched, a*b, c)
		}
		t.Logf("%-34s %8v, at most %d rows at a step", what, took.Round(10*time.Microsecond), touched)
		if strings.Contains(all, "Seq Scan on payments") || strings.Contains(all, "Seq Scan on postings") || strings.Contains(all, "Seq Scan on blocks") || touched > most {
			t.Errorf("%s: a step of %d rows, want at most %d:\n%s", what, touched, most, all)
		}
	}
	me := ledger.MustBIC("BKMXMXMM")
	middle := int64(1700000000000 + rows/2*1000)
	uetr := uetrAt(t, s, rows/2)
	for what, f := range map[string]PaymentFilter{
		"newest":               {},
		"rejected":             {Status: StatusRejected},
		"settled":              {Status: StatusSettled},
		"counterparty":         {Counterparty: ledger.MustBIC("BANKAC2L")},
		"currency":             {Currency: money.MustCurrency("EUR")},
		"uetr":                 {UETR: uetr},
		"end_to_end_id":        {EndToEndID: "E2E-77"},
		"created in the past":  {CreatedFrom: middle, CreatedUntil: middle + 3_600_000},
		"settled in the past":  {SettledFrom: middle, SettledUntil: middle + 3_600_000},
		"settled before, page": {SettledUntil: middle},
	} {
		check(what, 500, func() (int, error) {
			got, err := s.Payments(ctx, me, f, PaymentCursor{}, 51)
			return len(got), err
		})
	}
	deep := PaymentCursor{At: middle}
	check("a page in the middle", 500, func() (int, error) {
		got, err := s.Payments(ctx, me, PaymentFilter{}, deep, 51)
		return len(got), err
	})
	check("balances as of", 500, func() (int, error) {
		got, err := s.BalancesAt(ctx, me, uint64(rows/3))
		return len(got), err
	})
	check("height at a time", 500, func() (int, error) {
		h, err := s.HeightAt(ctx, middle)
		return int(h), err
	})
	t.Logf("%d payments, the slowest read took %v", rows, slowest)
}

func uetrAt(t *testing.T, s *Store, n int) (uetr [16]byte) {
	t.Helper()
	found, err := s.Payments(t.Context(), ledger.MustBIC("BKMXMXMM"), PaymentFilter{EndToEndID: "E2E-" + strconv.Itoa(n)}, PaymentCursor{}, 1)
	if err != nil || len(found) != 1 {
		t.Fatalf("payment %d: %v", n, err)
	}
	return found[0].UETR
}
