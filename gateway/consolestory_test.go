package gateway

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"viaduct/internal/testenv"
)

// desk is a treasurer's browser.
type desk struct {
	r   *rig
	ctx context.Context
}

func (r *rig) desk(t *testing.T) *desk {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Chromium(t)), chromedp.NoSandbox,
		chromedp.Flag("lang", "en"), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute) // only a hang takes so long
	t.Cleanup(cancel)
	return &desk{r, ctx}
}

func (d *desk) do(steps ...chromedp.Action[chromedp.Void]) {
	d.r.t.Helper()
	if err := chromedp.Do(d.ctx, steps...); err != nil {
		page, _ := chromedp.Run(d.ctx, chromedp.Text("body"))
		place, _ := chromedp.Run(d.ctx, chromedp.Location())
		d.r.t.Fatalf("%v at %s:\n%s", err, place, page)
	}
}

func (d *desk) text(selector string) string {
	d.r.t.Helper()
	found, err := chromedp.Run(d.ctx, chromedp.Text(selector))
	d.r.ok(err)
	return found
}

func (d *desk) signIn(key string) {
	d.r.t.Helper()
	d.do(chromedp.Navigate(d.r.url+"/console/sign-in"), chromedp.WaitVisible("#key"), chromedp.SendKeys("#key", key),
		chromedp.Click("main button"), chromedp.WaitVisible("nav a[aria-current]"))
}

// click follows the link that a selector finds, and waits for the page it leads to.
func (d *desk) click(selector, then string) {
	d.r.t.Helper()
	d.do(chromedp.WaitVisible(selector), chromedp.Click(selector), chromedp.WaitVisible(then))
}

// download fetches what a link of the page leads to, as the browser does with its cookie.
func (d *desk) download(selector string) (body string) {
	d.r.t.Helper()
	script := fmt.Sprintf(`fetch(document.querySelector(%q).href).then(async (a) => a.status + " " + a.headers.get("Content-Disposition") + "\n" + await a.text())`, selector)
	got, err := chromedp.Run(d.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	d.r.ok(err)
	head, body, _ := strings.Cut(got, "\n")
	if !strings.HasPrefix(head, "200 attachment") {
		d.r.t.Errorf("%s: %s", selector, got)
	}
	return body
}

// A payment's whole day at the desk: compare, pay, see it come in live at the other bank, open the way it
// took, verify the receipt, and the next day take the statement home.
func TestConsoleStory(t *testing.T) {
	r := newRig(t)
	r.market()
	payer, payee := r.desk(t), r.desk(t)
	payee.signIn(r.keys[german])
	payee.do(chromedp.Navigate(r.url+"/console/payments"), chromedp.WaitVisible(`//*[@id="live"][text()="live"]`))
	mark, err := chromedp.Run(payee.ctx, chromedp.Evaluate[int](`window.untouched = 1`))
	if err != nil || mark != 1 {
		t.Fatal(mark, err)
	}

	payer.signIn(r.keys[mexican])
	payer.click(`nav a[href="/console/quote"]`, "#to")
	payer.do(chromedp.SendKeys("#to", german), chromedp.SendKeys("#value", "25.00"), chromedp.SendKeys("#currency", "eur"),
		chromedp.Click("main form.fields button"), chromedp.WaitVisible(".best form button"))
	if text := payer.text(".best"); !strings.Contains(text, "MXN 512.50") || !strings.Contains(text, "Cost against mid") {
		t.Errorf("the first choice says %q", text)
	}
	payer.click(".best form button", "#receipt")
	if status := payer.text("dd.status"); status != "settled" {
		t.Errorf("the payment is %s", status)
	}
	// It came in at the other desk, whose page nobody loaded again.
	payee.do(chromedp.WaitVisible("td.status.settled"))
	if mark, err = chromedp.Run(payee.ctx, chromedp.Evaluate[int](`window.untouched`)); err != nil || mark != 1 || !strings.Contains(payee.text("table"), "25.00") {
		t.Errorf("the receiver's page was loaded again (%d, %v) or shows no payment: %s", mark, err, payee.text("main"))
	}
	payer.click("#receipt a.button", "#checks")
	if checks := payer.text("#receipt"); !strings.Contains(checks, "Verified.") || strings.Contains(checks, "Not verified") {
		t.Errorf("the receipt: %s", checks)
	}
	if receipt := payer.download(`#receipt a[href$="/receipt"]`); !strings.HasPrefix(receipt, "c2sp.org/tlog-proof") {
		t.Errorf("the receipt begins %.60s", receipt)
	}

	// The next day the day is over.
	today := time.Now().UTC().Format(time.DateOnly)
	r.clock.Store(int64(24 * time.Hour))
	payer.signIn(r.keys[mexican])
	payer.do(chromedp.Navigate(r.url+"/console/intraday?day="+today), chromedp.WaitVisible(`a[href*="camt.053"]`))
	csv := payer.download(`a[href*="format=csv"]`)
	if !strings.HasPrefix(csv, "currency,issuer,kind") || !strings.Contains(csv, "-512.50") {
		t.Errorf("the table: %s", csv)
	}
	if xml := payer.download(`a[href*="camt.053"]`); !strings.Contains(xml, "camt.053.001.08") || !strings.Contains(xml, "512.50") {
		t.Errorf("the statement: %.400s", xml)
	}
}

// question is what a treasurer asks, the links that lead to the answer from the first page, and what says it.
type question struct {
	asked  string
	clicks []click
	answer string // in the page's text
}

// click is a link and what the page it leads to shows: both selectors.
type click struct{ link, then string }

// TestTreasurersQuestions follows the paths of docs/console.md.
func TestTreasurersQuestions(t *testing.T) {
	r := newRig(t)
	r.market()
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN"}, "max_over_mid_bps": 10_000}))
	r.must(201, r.do("POST", "/v1/payments", mexican, obj{"to": german, "deliver": cash("EUR", "10.00")}, "Prefer", "wait=10")) // its bound comes from the mid rate
	r.must(201, r.do("POST", "/v1/webhooks", dealer, obj{"url": "http://127.0.0.1:1/x"}))
	nav := func(page string) click {
		return click{`nav a[href="/console/` + page + `"]`, `nav a[aria-current][href="/console/` + page + `"]`}
	}
	by := func(status string) click {
		return click{`a[href="/console/payments?status=` + status + `"]`, `form.fields a[href="/console/payments"]`}
	}
	for _, who := range []struct {
		bic       string
		questions []question
	}{
		{dealer, []question{
			{"How much EUR can we send now?", nil, "Available"},
			{"Who owes us, and how much?", nil, "Nostro: held with others"},
			{"What is it all worth in one currency?", nil, "All that is held, at mid"},
			{"Which line is nearly used up?", []click{nav("liquidity")}, "Lines we hold"},
			{"What if a limit were another, or a bank away?", []click{nav("liquidity")}, "What if"},
			{"What was our lowest position today, and when?", []click{nav("intraday")}, "Lowest"},
			{"How far from mid does the market quote?", []click{nav("market")}, "Mid 1.1 "},
			{"Do our webhooks arrive?", []click{nav("settings")}, "http://127.0.0.1:1/x"},
		}},
		{mexican, []question{
			{"Whom do we owe?", nil, "Vostro: held by others with us"},
			{"What waits?", []click{nav("payments"), by("queued")}, "No payment is like that"},
			{"What was refused, and why?", []click{nav("payments"), by("rejected")}, "No payment is like that"},
			{"Why did that payment cost more than mid?", []click{nav("payments"), {`td a[href^="/console/payments/"]`, "ol.steps"}}, "250 bp over mid"},
			{"What would a payment cost, by currency?", []click{nav("quote")}, "compares every currency"},
			{"Is the network healthy, and are reads behind?", []click{nav("network")}, "Readable"},
		}},
	} {
		d := r.desk(t)
		d.signIn(r.keys[who.bic])
		for _, q := range who.questions {
			d.do(chromedp.Navigate(r.url+"/console"), chromedp.WaitVisible("h1"))
			for _, c := range q.clicks {
				d.click(c.link, c.then)
			}
			if len(q.clicks) > 2 {
				t.Errorf("%s takes %d clicks", q.asked, len(q.clicks))
			}
			if page := d.text("main"); !strings.Contains(page, q.answer) {
				t.Errorf("%s: the page says no %q:\n%s", q.asked, q.answer, page)
			}
		}
	}
}
