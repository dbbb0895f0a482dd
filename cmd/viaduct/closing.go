package main

import (
	"errors"
	"fmt"

	"viaduct/settlement/disk"
)

// closing closes what a command opened, in reverse.
type closing struct {
	names []string
	funcs []func() error
}

func (c *closing) add(name string, f func() error) {
	c.names, c.funcs = append(c.names, name), append(c.funcs, f)
}

// dir opens a directory inside a data directory.
func (c *closing) dir(data, name string) (*disk.Dir, error) {
	d, err := openDir(data, name)
	if err != nil {
		return nil, err
	}
	c.add(name, d.Close)
	return d, nil
}

func (c *closing) into(err *error) {
	for i := len(c.funcs) - 1; i >= 0; i-- {
		if e := c.funcs[i](); e != nil {
			*err = errors.Join(*err, fmt.Errorf("close %s: %w", c.names[i], e))
		}
	}
}
