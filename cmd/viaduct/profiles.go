package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// configFile holds the gateways that the client commands know, each under a name, in YAML.
type configFile struct {
	Default  string             `yaml:"default,omitempty"` // the profile that is meant when none is named
	Profiles map[string]profile `yaml:"profiles"`
}

// profile is one gateway and who asks it.
type profile struct {
	URL string `yaml:"url"`
	Key string `yaml:"key"`
}

// configPath returns where the config file is: VIADUCT_CONFIG, or viaduct/config.yaml in the user's
// configuration directory.
func configPath() (string, error) {
	if path := os.Getenv("VIADUCT_CONFIG"); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("%w: where is the config file? Set VIADUCT_CONFIG: %w", errUsed, err)
	}
	return filepath.Join(dir, "viaduct", "config.yaml"), nil
}

// openConfig reads the config file where it is.
func openConfig() (path string, c configFile, err error) {
	if path, err = configPath(); err == nil {
		c, err = readConfig(path)
	}
	return path, c, err
}

// readConfig reads a config file; one that is not there is empty. It holds keys, so one that others
// can read is refused.
func readConfig(path string) (c configFile, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf("%w: others can read %s, which holds keys: chmod 600 it", errUsed, path)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return c, fmt.Errorf("%w: config file: %w", errUsed, err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("%w: config file %s: %w", errUsed, path, err)
	}
	return c, nil
}

// readProfile returns the profile of a name; without one, the environment's or the default, and an
// empty one when there is none.
func readProfile(name string) (profile, error) {
	if name == "" {
		name = os.Getenv("VIADUCT_PROFILE")
	}
	path, err := configPath()
	if err != nil {
		if name == "" { // then there need be none
			return profile{}, nil
		}
		return profile{}, err
	}
	c, err := readConfig(path)
	if err != nil {
		return profile{}, err
	}
	if name == "" {
		name = c.Default
	}
	p, ok := c.Profiles[name]
	if !ok && name != "" {
		return p, fmt.Errorf("%w: no profile %q in %s; there are: %s", errUsed, name, path, orElse(strings.Join(sortedKeys(c.Profiles), ", "), "none"))
	}
	return p, nil
}

// write replaces the config file, whole.
func (c *configFile) write(path string) error {
	data, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".viaduct-*") // for its owner alone
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("config file: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}

type profilesCmd struct {
	List   profilesListCmd   `cmd:"" default:"1" help:"List the profiles; keys are not shown."`
	Set    profilesSetCmd    `cmd:"" help:"Add a profile or change it. The key is read from standard input unless it is given."`
	Delete profilesDeleteCmd `cmd:"" help:"Forget a profile."`
}

type profilesListCmd struct{}

// Run lists the profiles.
func (profilesListCmd) Run(t terminal) error {
	path, c, err := openConfig()
	if err != nil {
		return err
	}
	if len(c.Profiles) == 0 {
		_, err := fmt.Fprintf(t.out, "no profiles in %s\nMake one with: viaduct profiles set NAME --url URL\n", path)
		return err
	}
	tab := table{right: "lll"}
	tab.row("PROFILE", "URL", "")
	for _, name := range sortedKeys(c.Profiles) {
		mark := ""
		if name == c.Default {
			mark = "default"
		}
		tab.row(name, c.Profiles[name].URL, mark)
	}
	return tab.print(t.out)
}

type profilesSetCmd struct {
	Name    string `arg:"" help:"The profile's name."`
	URL     string `name:"url" required:"" placeholder:"URL" help:"The gateway, as http://127.0.0.1:8080."`
	Key     string `placeholder:"KEY" help:"The API key. Others on this machine can read a command line: better on standard input." env:"VIADUCT_KEY"`
	Default bool   `help:"Make it the profile that is meant when none is named, as the first one is anyway."`
}

// profileName keeps names such that a shell needs no quotes for them.
var profileName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Run writes the profile.
func (c profilesSetCmd) Run(t terminal) error {
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%w: --url wants http://… or https://…", errUsed)
	}
	if !profileName.MatchString(c.Name) {
		return fmt.Errorf("%w: a profile's name has letters, digits, dots and hyphens", errUsed)
	}
	if c.Key == "" {
		if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprint(t.err, "API key: ")
		}
		line := make([]byte, 512)
		n, err := os.Stdin.Read(line)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("standard input: %w", err)
		}
		if c.Key = strings.TrimSpace(string(line[:n])); c.Key == "" {
			return fmt.Errorf("%w: no key", errUsed)
		}
	}
	path, file, err := openConfig()
	if err != nil {
		return err
	}
	if file.Profiles == nil {
		file.Profiles = make(map[string]profile)
	}
	file.Profiles[c.Name] = profile{URL: c.URL, Key: c.Key}
	if c.Default || file.Default == "" {
		file.Default = c.Name
	}
	if err := file.write(path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "profile %s is in %s\n", c.Name, path)
	return err
}

type profilesDeleteCmd struct {
	Name string `arg:"" help:"The profile's name."`
}

// Run forgets the profile.
func (c profilesDeleteCmd) Run() error {
	path, file, err := openConfig()
	if err != nil {
		return err
	}
	if _, ok := file.Profiles[c.Name]; !ok {
		return fmt.Errorf("no profile %q in %s", c.Name, path)
	}
	delete(file.Profiles, c.Name)
	if file.Default == c.Name {
		file.Default = ""
	}
	return file.write(path)
}
