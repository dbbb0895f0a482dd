package fx

import (
	"fmt"
	"slices"
)

// arcs lists the graph's arcs by what they connect, so that two graphs built in different orders can
// be compared.
func (g *graph) arcs() []string {
	var all []string
	for head := range g.rows {
		for _, e := range g.rows[head] {
			all = append(all, fmt.Sprintf("%x>%x ref %d label %d", g.places[e.tail].key, g.places[head].key, max(e.ref, -1)*0+min(e.ref, 0), e.label))
		}
	}
	slices.Sort(all)
	return all
}

// badPotential returns an arc whose reduced cost is below zero under the potentials of the payment
// under way, or nothing.
func (g *graph) badPotential() string {
	for head := range g.rows {
		for _, e := range g.rows[head] {
			tail, h := g.potential(2*e.tail), g.potential(2*int32(head))
			if h == -farAway && tail != -farAway {
				return fmt.Sprintf("%x>%x leads out of reach", g.places[e.tail].key, g.places[head].key)
			}
			if tail != -farAway && e.label+h-tail < 0 {
				return fmt.Sprintf("%x>%x label %d potentials %d %d", g.places[e.tail].key, g.places[head].key, e.label, tail, h)
			}
		}
	}
	return ""
}
