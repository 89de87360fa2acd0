package lifecycle

import (
	"cmp"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
)

// An Installation is a time that a version spent on a device, or type of device.
type Installation struct {
	Device      string   `json:"device,omitempty"`
	Type        string   `json:"deviceType,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Model       string   `json:"modelId"`
	Version     string   `json:"version"`
	SWIN        string   `json:"swin,omitempty"`
	Result      string   `json:"result,omitempty"`
	State       OnDevice `json:"state"`
	From        Mark     `json:"from"`
	// Until is the record that ended it; nil while it is in use.
	Until *Mark `json:"until,omitempty"`
}

// name tells devices apart: a device by its name, else a type of device.
func name(d *audit.Deployment) string {
	if d.Device != "" {
		return "device " + d.Device
	}
	return "type " + d.DeviceType
}

// Installations follows what ran on each device that the records name, in the
// order of From. At most one version is in use on a device. A version whose
// successor was rolled back is in use again: that is a new Installation.
func Installations(records []Record) []Installation {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(x, y Record) int { return cmp.Compare(x.Index, y.Index) })
	all := []Installation{}
	current := map[string]int{}  // device to its place in all
	before := map[string][]int{} // device to what was in use earlier and may return
	of := func(i int) [2]string { return [2]string{all[i].Model, all[i].Version} }
	for _, r := range records {
		if r.Record == nil {
			continue
		}
		p := r.Record.Predicate()
		m := Mark{Index: r.Index, Time: p.Time.Claimed}
		this := [2]string{p.Model, p.Version}
		if p.Event == audit.Retired {
			for i := range all {
				if all[i].State == InUse && of(i) == this {
					all[i].State, all[i].Until = OutOfUse, &m
					delete(current, key(&all[i]))
				}
			}
			continue
		}
		d := p.Deployment
		if d == nil {
			continue
		}
		on := name(d)
		was, busy := current[on]
		next := Installation{
			Device: d.Device, Type: d.DeviceType, Environment: d.Environment, Model: p.Model, Version: p.Version,
			SWIN: d.SWIN, Result: d.Result, State: InUse, From: m,
		}
		switch {
		case p.Event == audit.OTARolledBack && d.Result != "failed":
			before[on] = slices.DeleteFunc(before[on], func(i int) bool { return of(i) == this })
			if !busy || of(was) != this {
				break
			}
			all[was].State, all[was].Until = RolledBack, &m
			delete(current, on)
			if n := len(before[on]); n > 0 {
				back := all[before[on][n-1]]
				before[on] = before[on][:n-1]
				back.State, back.From, back.Until = InUse, m, nil
				current[on] = len(all)
				all = append(all, back)
			}
		case p.Event != audit.Deployed && p.Event != audit.OTAUpdated:
		case d.Result == "failed":
			next.State, next.Until = NotTaken, &m
			all = append(all, next)
		default:
			if busy {
				all[was].State, all[was].Until = Replaced, &m
				if of(was) != this {
					before[on] = append(before[on], was)
				}
			}
			current[on] = len(all)
			all = append(all, next)
		}
	}
	return all
}

func key(i *Installation) string {
	return name(&audit.Deployment{Device: i.Device, DeviceType: i.Type})
}

// findDevices lists the devices that the version was put on, in the order of
// the first time.
func (b *life) findDevices(all []*entry) {
	records := make([]Record, len(all))
	for i, e := range all {
		records[i] = e.Record
	}
	installations := Installations(records)
	seen := map[string]int{}
	for _, i := range installations {
		if i.Model != b.Model || i.Version != b.Version {
			continue
		}
		k := key(&i)
		n, ok := seen[k]
		if !ok {
			n = len(b.devices)
			seen[k] = n
			b.devices = append(b.devices, Device{})
		}
		if ok && i.State == NotTaken && b.devices[n].State == InUse {
			continue
		}
		since := i.From
		if i.Until != nil {
			since = *i.Until
		}
		b.devices[n] = Device{Device: i.Device, Type: i.Type, Environment: i.Environment, State: i.State, Since: since, SWIN: i.SWIN, Result: i.Result}
	}
	for _, i := range installations {
		if n, ok := seen[key(&i)]; ok && i.State == InUse {
			b.devices[n].Runs, b.devices[n].SWIN = i.Model+" "+i.Version, i.SWIN
		}
	}
}
