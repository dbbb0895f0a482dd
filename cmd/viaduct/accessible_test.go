package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axeVersion is the release of axe-core that looks at the pages; it is of npm, and never kept here.
const axeVersion = "4.10.3"

// axeScript fetches axe-core, or skips aloud where npm can't.
func axeScript(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: -short; it installs axe-core of npm")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("skipped: there is no npm; install Node 20 or newer to have the pages looked at by axe-core")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save", "--prefix", dir, "axe-core@"+axeVersion)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("skipped: npm cannot install axe-core here: %v\n%s", err, out)
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// finding is a rule of axe-core that a page breaks, and the elements that break it.
type finding struct {
	ID, Impact, Help string
	Nodes            []string
}

const (
	runAxe = `axe.run().then(r => r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => n.html + " " + (n.any[0] ? n.any[0].message : ""))})))`
	// A page with a line of grey on grey, without a language, and with a picture that says nothing: what axe must find.
	spoil = `document.documentElement.removeAttribute("lang");
		const faint = document.querySelector("footer");
		faint.style.color = "#888"; faint.style.backgroundColor = "#777"; faint.textContent = "faint";
		document.body.insertAdjacentHTML("beforeend", "<img src='/console/assets/icon.svg'><input>"); 0`
)

// No page breaks a rule that axe-core calls serious or critical, on a screen or a phone, light or dark.
func TestAccessible(t *testing.T) {
	axe := axeScript(t)
	p := launch(t, "demo")
	ctx, signedIn := context.Context(nil), ""
	look := func(what string) (serious int) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := chromedp.Evaluate[any](axe+"; 0")(ctx, tab)
			return err
		})); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]finding](runAxe, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, f := range found {
			if f.Impact == "serious" || f.Impact == "critical" {
				serious++
				if what != "" {
					t.Errorf("%s: %s, %s: %s\n%q", what, f.Impact, f.ID, f.Help, f.Nodes)
				}
			}
		}
		return serious
	}
	looks := 0
	for _, page := range consolePages(t, p) {
		if page.key != signedIn {
			ctx, signedIn = browser(t, 10*time.Minute), page.key
			if err := chromedp.Do(ctx, chromedp.Navigate(p.ready.URL+"/console"), chromedp.WaitVisible("#key")); err != nil {
				t.Fatal(err)
			}
			look("sign-in")
			if err := chromedp.Do(ctx, signInAs(p.ready.URL, page.key)); err != nil {
				t.Fatal(err)
			}
		}
		page.eachLook(t, ctx, p.ready.URL, func(what string) {
			look(what)
			looks++
		})
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](spoil)); err != nil {
		t.Fatal(err)
	}
	if n := look(""); n < 4 {
		t.Errorf("of a page spoilt in four ways axe-core finds %d", n)
	}
	t.Logf("axe-core %s looked at %d looks of the pages", axeVersion, looks)
}
