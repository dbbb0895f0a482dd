package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"viaduct/internal/testenv"
)

// browser starts a Chromium that ends with the test, or after a limit that only a hang reaches.
func browser(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Chromium(t)), chromedp.NoSandbox,
		chromedp.Flag("lang", "en"), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, limit)
	t.Cleanup(cancel)
	return ctx
}

// signInAs opens the console and signs in.
func signInAs(url, key string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Navigate(url+"/console"),
		chromedp.WaitVisible("#key"),
		chromedp.SendKeys("#key", key),
		chromedp.Click("main button"),
		chromedp.WaitVisible("nav a[aria-current]"),
	)
}

func TestConsoleInABrowser(t *testing.T) {
	ctx := browser(t, 5*time.Minute)
	p := launch(t, "demo")
	key := p.ready.APIKeys["NOPLMXMM"]
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%v\n%s", err, p.output())
		}
	}
	text := func(selector string) string {
		t.Helper()
		found, err := chromedp.Run(ctx, chromedp.Text(selector))
		if err != nil {
			t.Fatalf("%s: %v\n%s", selector, err, p.output())
		}
		return found
	}
	do(signInAs(p.ready.URL, key),
		// Compare, and pay by the first choice.
		chromedp.Navigate(p.ready.URL+"/console/quote"),
		chromedp.SendKeys("#to", "IBERESMM"),
		chromedp.SendKeys("#value", "1000.00"),
		chromedp.SendKeys("#currency", "eur"),
		chromedp.Click("main form.fields button"),
		chromedp.WaitVisible(".best form button"),
		chromedp.Click(".best form button"),
		chromedp.WaitVisible("#receipt"),
		chromedp.WaitVisible(".path svg rect"))
	title, status, timeline := text("h1"), text("dd.status"), text("ol.steps")
	do(chromedp.Click("#receipt a.button"), chromedp.WaitVisible("#checks"))
	checks := text("#receipt")
	// The key "/" leads to the search.
	do(chromedp.KeyEvent("/"),
		chromedp.SendKeys("#search", "IBERESMM\r"),
		chromedp.WaitVisible("#counterparty"))
	place, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(title, "Payment ") || status != "settled" || !strings.Contains(timeline, "final") {
		t.Errorf("the payment's page says %q, %q, %q", title, status, timeline)
	}
	if !strings.Contains(checks, "Verified.") || strings.Contains(checks, "Not verified") {
		t.Errorf("the receipt's check says %q", checks)
	}
	if !strings.HasSuffix(place, "counterparty=IBERESMM") {
		t.Errorf("the search led to %s", place)
	}
}

// screenshotsVar names the directory that TestScreenshots writes to; without it nobody looks at them,
// and none are made.
const screenshotsVar = "VIADUCT_SCREENSHOTS"

func TestScreenshots(t *testing.T) {
	dir := os.Getenv(screenshotsVar)
	if dir == "" {
		t.Skipf("skipped: %s names no directory for the pictures; `make screenshots` does", screenshotsVar)
	}
	p := launch(t, "demo")
	for _, page := range consolePages(t, p) {
		// Each page has a browser of its own, as it comes from a start.
		ctx := browser(t, 5*time.Minute)
		if err := chromedp.Do(ctx, signInAs(p.ready.URL, page.key)); err != nil {
			t.Fatalf("%s: %v", page.name, err)
		}
		page.eachLook(t, ctx, p.ready.URL, func(look string) {
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatalf("%s: %v", look, err)
			}
			if err := os.WriteFile(filepath.Join(dir, look+".png"), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}
