package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/openapi"
)

type intradayPage struct {
	Day, Before, After string // dates; After is empty on the current day
	Curves             []curve
	Hours              [24]hour
	Entries            int
	From, Until        string // of the downloads
	Over               bool   // the day is over, so there is a camt.053 of it
}

// curve is what a participant held in a currency through a day, all its positions together.
type curve struct {
	Currency            string
	Opening, Closing    string
	Lowest, Highest     string
	LowestAt, HighestAt string
	Points              string // of a line
	Zero                int    // y of zero; -1 when it is not in the picture
	Cap                 string // net debit cap, if there is one
	CapY                int
	Entries             int
	Width, Height       int
}

type hour struct {
	Hour, Count, Height int
}

const (
	curveWidth  = 720
	curveHeight = 160
	hourHeight  = 90
)

func (c *console) intraday(r *http.Request, a *caller, v *view) error {
	v.Title = "Intraday"
	now := c.now().UTC()
	day, err := time.Parse(time.DateOnly, r.FormValue("day"))
	if err != nil || day.After(now) || day.Year() < 2000 {
		day = now.Truncate(24 * time.Hour)
	}
	until := day.AddDate(0, 0, 1)
	p := intradayPage{Day: day.Format(time.DateOnly), Before: day.AddDate(0, 0, -1).Format(time.DateOnly), Over: !until.After(now)}
	if p.Over {
		p.After = until.Format(time.DateOnly)
	} else {
		until = now
	}
	query := url.Values{"from": {day.Format(time.RFC3339)}, "until": {until.Format(time.RFC3339)}}
	if !until.After(day) {
		until = day.Add(time.Second)
		query.Set("until", until.Format(time.RFC3339))
	}
	p.From, p.Until = query.Get("from"), query.Get("until")
	var all openapi.Positions
	if err := a.get(r.Context(), "/v1/positions", query, &all); err != nil {
		return err
	}
	for i := range all.Data {
		x, err := drawCurve(&all.Data[i], day, until, &p.Hours)
		if err != nil {
			return err
		}
		p.Entries += x.Entries
		p.Curves = append(p.Curves, *x)
	}
	most := 0
	for _, h := range p.Hours {
		most = max(most, h.Count)
	}
	for i := range p.Hours {
		p.Hours[i].Hour = i
		if most > 0 {
			p.Hours[i].Height = p.Hours[i].Count * hourHeight / most
		}
	}
	v.Page = p
	return nil
}

// drawCurve draws a net position from day to until; its changes are counted into hours.
func drawCurve(n *openapi.NetPosition, day, until time.Time, hours *[24]hour) (*curve, error) {
	var failed error
	number := func(text string) decimal.Decimal {
		d, err := decimal.NewFromString(text)
		failed = errors.Join(failed, err)
		return d
	}
	c := &curve{
		Currency: n.Currency, Opening: n.Opening, Closing: n.Closing, Lowest: n.Lowest, Highest: n.Highest, LowestAt: n.LowestAt, HighestAt: n.HighestAt,
		Cap: n.NetDebitCap, Entries: int(n.Changes), Width: curveWidth, Height: curveHeight, Zero: -1, CapY: -1,
	}
	bottom, top := number(n.Lowest), number(n.Highest)
	var floor decimal.Decimal
	if c.Cap != "" {
		floor = number(c.Cap).Neg() // what may be issued more than is held
		bottom = decimal.Min(bottom, floor)
	}
	span := top.Sub(bottom)
	if span.IsZero() {
		span = decimal.NewFromInt(1)
	}
	y := func(value decimal.Decimal) int {
		return curveHeight - 6 - int(value.Sub(bottom).Mul(decimal.NewFromInt(curveHeight-12)).Div(span).IntPart())
	}
	last := y(number(n.Opening))
	line := []byte("0," + itoa(last))
	for _, p := range n.Points {
		at, err := time.Parse(time.RFC3339, p.At)
		failed = errors.Join(failed, err)
		hours[at.UTC().Hour()].Count += int(p.Changes)
		x := itoa(int(at.Sub(day) * curveWidth / until.Sub(day)))
		before := -1
		for _, py := range []int{last, y(number(p.Lowest)), y(number(p.Highest)), y(number(p.Closing))} {
			if py != before { // what no eye can tell apart is one point
				line = append(line, " "+x+","+itoa(py)...)
			}
			before, last = py, py
		}
	}
	c.Points = string(append(line, " "+itoa(curveWidth)+","+itoa(last)...))
	if bottom.Sign() <= 0 && top.Sign() >= 0 {
		c.Zero = y(decimal.Decimal{})
	}
	if c.Cap != "" {
		c.CapY = y(floor)
	}
	return c, failed
}

// statement hands out a statement as a file.
func (c *console) statement(w http.ResponseWriter, r *http.Request) {
	query := url.Values{}
	for _, name := range []string{"from", "until", "asset", "format"} {
		if value := r.FormValue(name); value != "" {
			query.Set(name, value)
		}
	}
	var data []byte
	if err := callerOf(r).get(r.Context(), "/v1/statements", query, &data); err != nil {
		c.fail(w, r, err)
		return
	}
	media, ending := "application/json", ".json"
	switch format := query.Get("format"); {
	case format == "csv":
		media, ending = "text/csv; charset=utf-8", ".csv"
	case strings.HasPrefix(format, "camt."):
		media, ending = "application/xml", "."+format+".xml"
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", `attachment; filename="statement`+ending+`"`)
	_, _ = w.Write(data)
}
