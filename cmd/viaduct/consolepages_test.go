package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// consolePage is a page as somebody sees it.
type consolePage struct{ name, path, key string }

// consolePages makes payments in a demo network and returns every page of the console, with something on it
// and, where that differs, with nothing.
func consolePages(t *testing.T, p *process) []consolePage {
	t.Helper()
	payer, dealer := p.ready.APIKeys["NOPLMXMM"], p.ready.APIKeys["AZTLMXMM"]
	if payer == "" || dealer == "" {
		t.Fatal("the demo's banks have other names now")
	}
	var made struct {
		ID string `json:"id"`
	}
	for i := range 12 {
		err := p.api.do(t.Context(), request{method: "POST", path: "/v1/payments", key: payer, idempotency: fmt.Sprintf("picture-%d", i), prefer: "wait=10",
			body: map[string]any{"to": "IBERESMM", "deliver": map[string]any{"currency": "EUR", "value": fmt.Sprintf("%d.00", 900+37*i)}, "end_to_end_id": fmt.Sprintf("INV-%04d", 700+i)}, out: &made})
		if err != nil {
			t.Fatal(err)
		}
	}
	return []consolePage{
		{"positions", "", payer}, {"payments", "/payments", payer}, {"intraday", "/intraday", payer},
		{"payment", "/payments/" + made.ID + "?verify=1", payer}, {"quote-empty", "/quote", payer},
		{"quote", "/quote?to=IBERESMM&currency=EUR&value=5000.00", payer}, {"quote-refused", "/quote?to=IBERESMM&currency=EUR&value=999999999.00", payer},
		{"market", "/market?give=EUR&want=USD", payer}, {"network", "/network", payer},
		{"settings", "/settings", payer}, {"not-there", "/payments/00000000-0000-7000-8000-000000000000", payer},
		{"positions-correspondent", "", dealer}, {"liquidity", "/liquidity", dealer},
	}
}

// eachLook opens the page on a screen and on a phone, light and dark, and calls seen with each look's name.
func (c consolePage) eachLook(t *testing.T, ctx context.Context, url string, seen func(look string)) {
	t.Helper()
	for _, width := range []int64{1440, 390} {
		for _, scheme := range []string{"light", "dark"} {
			look := fmt.Sprintf("%s-%d-%s", c.name, width, scheme)
			err := chromedp.Do(ctx,
				chromedp.EmulateViewport(width, 900),
				chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
					_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
					return err
				}),
				chromedp.Navigate(url+"/console"+c.path),
				chromedp.WaitVisible("footer"))
			if err != nil {
				t.Fatalf("%s: %v", look, err)
			}
			seen(look)
		}
	}
}
