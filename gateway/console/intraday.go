package console

import (
	"net/http"
	"net/url"
	"slices"
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
	var all openapi.Statements
	if err := a.get(r.Context(), "/v1/statements", query, &all); err != nil {
		return err
	}
	var me openapi.Participant
	if err := a.get(r.Context(), "/v1/participants/"+url.PathEscape(a.bic), nil, &me); err != nil && !denied(err) {
		return err
	}
	caps := make(map[string]string)
	for _, x := range me.NetDebitCaps {
		caps[x.Currency] = x.Value
	}
	byCurrency := make(map[string][]openapi.Statement)
	for _, st := range all.Data {
		byCurrency[st.Currency] = append(byCurrency[st.Currency], st)
	}
	currencies := make([]string, 0, len(byCurrency))
	for currency := range byCurrency {
		currencies = append(currencies, currency)
	}
	slices.Sort(currencies)
	for _, currency := range currencies {
		x, err := drawCurve(byCurrency[currency], day, until, caps[currency], &p.Hours)
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

// drawCurve adds up the positions in one currency and draws them from day to until; the entries are
// counted into hours. most is the net debit cap, if there is one.
func drawCurve(all []openapi.Statement, day, until time.Time, most string, hours *[24]hour) (*curve, error) {
	type change struct {
		at     time.Time
		amount decimal.Decimal
	}
	var changes []change
	sum := decimal.Decimal{}
	for _, st := range all {
		opening, err := decimal.NewFromString(st.Opening)
		if err != nil {
			return nil, err
		}
		sum = sum.Add(opening)
		for _, e := range st.Entries {
			at, err := time.Parse(time.RFC3339, e.At)
			if err != nil {
				return nil, err
			}
			amount, err := decimal.NewFromString(e.Amount)
			if err != nil {
				return nil, err
			}
			changes = append(changes, change{at, amount})
			hours[at.UTC().Hour()].Count++
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	like := all[0].Opening
	c := &curve{
		Currency: all[0].Currency, Opening: plain(sum, like), Entries: len(changes), Width: curveWidth, Height: curveHeight, Zero: -1, CapY: -1,
		LowestAt: day.Format(time.RFC3339), HighestAt: day.Format(time.RFC3339),
	}
	low, high := sum, sum
	values := []decimal.Decimal{sum}
	for _, x := range changes {
		sum = sum.Add(x.amount)
		values = append(values, sum)
		if sum.LessThan(low) {
			low, c.LowestAt = sum, x.at.Format(time.RFC3339)
		}
		if sum.GreaterThan(high) {
			high, c.HighestAt = sum, x.at.Format(time.RFC3339)
		}
	}
	c.Closing, c.Lowest, c.Highest = plain(sum, like), plain(low, like), plain(high, like)
	bottom, top := low, high
	var floor decimal.Decimal
	if most != "" {
		limit, err := decimal.NewFromString(most)
		if err != nil {
			return nil, err
		}
		floor = limit.Neg() // what may be issued more than is held
		c.Cap = most
		bottom = decimal.Min(bottom, floor)
	}
	span := top.Sub(bottom)
	if span.IsZero() {
		span = decimal.NewFromInt(1)
	}
	y := func(value decimal.Decimal) int {
		return curveHeight - 6 - int(value.Sub(bottom).Mul(decimal.NewFromInt(curveHeight-12)).Div(span).IntPart())
	}
	x := func(at time.Time) int { return int(at.Sub(day) * curveWidth / until.Sub(day)) }
	var b strings.Builder
	b.WriteString("0," + itoa(y(values[0])))
	lastX, lastY := 0, y(values[0])
	for i, ch := range changes {
		px, py := x(ch.at), y(values[i+1])
		if px == lastX && py == lastY { // what no eye can tell apart is one point
			continue
		}
		b.WriteString(" " + itoa(px) + "," + itoa(lastY) + " " + itoa(px) + "," + itoa(py))
		lastX, lastY = px, py
	}
	b.WriteString(" " + itoa(curveWidth) + "," + itoa(lastY))
	c.Points = b.String()
	if bottom.Sign() <= 0 && top.Sign() >= 0 {
		c.Zero = y(decimal.Decimal{})
	}
	if most != "" {
		c.CapY = y(floor)
	}
	return c, nil
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
