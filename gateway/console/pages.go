package console

import (
	"net/http"
	"net/url"

	"viaduct/openapi"
)

type liquidityPage struct {
	Held, Issued []openapi.Line
	Ring         *ring
	More         bool
	Caps         []openapi.Cap
	Approves     bool // the participant approves each holder of what it issues
	WhatIf       *whatIf
}

func (c *console) liquidity(r *http.Request, a *caller, v *view) error {
	v.Title = "Liquidity"
	lines, more, err := a.lines(r)
	if err != nil {
		return err
	}
	p := liquidityPage{More: more}
	for _, l := range lines {
		if l.Holder == a.bic {
			p.Held = append(p.Held, l)
		} else {
			p.Issued = append(p.Issued, l)
		}
	}
	if len(lines) > 0 {
		p.Ring = drawRing(lines, a.bic)
	}
	var me openapi.Participant
	if err := a.get(r.Context(), "/v1/participants/"+url.PathEscape(a.bic), nil, &me); err != nil && !denied(err) {
		return err
	}
	p.Caps, p.Approves = me.NetDebitCaps, me.RequireAuthorization
	if p.WhatIf, err = a.readWhatIf(r); err != nil {
		return err
	}
	v.Page = p
	return nil
}

type networkPage struct {
	openapi.Network
	Lag    int64 // blocks that reads are behind
	Blocks []openapi.Block
	Alarms []string
}

// blocksShown is how many of the last blocks the network's page lists.
const blocksShown = 20

func (c *console) network(r *http.Request, a *caller, v *view) error {
	v.Title = "Network"
	var p networkPage
	if err := a.get(r.Context(), "/v1/validators", nil, &p.Network); err != nil {
		return err
	}
	v.Height = p.Projected
	p.Lag = p.Height - p.Projected
	var blocks openapi.BlockPage
	if err := a.get(r.Context(), "/v1/blocks", url.Values{"limit": {itoa(blocksShown)}}, &blocks); err != nil {
		return err
	}
	p.Blocks = blocks.Data
	if p.Lag > 10 {
		p.Alarms = append(p.Alarms, itoa(int(p.Lag))+" blocks are final and not yet readable: the database is slow or away.")
	}
	if p.Epoch > 1 && len(p.Blocks) > 1 && p.Blocks[0].Epoch != p.Blocks[len(p.Blocks)-1].Epoch {
		p.Alarms = append(p.Alarms, "Another node has taken over the sequencing within the last "+itoa(len(p.Blocks))+" blocks.")
	}
	v.Page = p
	return nil
}

// live passes the API's stream of the caller's events on to the browser, whose script then shows the page
// anew.
func (c *console) live(w http.ResponseWriter, r *http.Request) {
	a := callerOf(r)
	in, err := a.request(r.Context(), http.MethodGet, "/v1/events/stream", nil, nil)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		in.Header.Set("Last-Event-ID", last)
	}
	a.handler.ServeHTTP(w, in)
}
