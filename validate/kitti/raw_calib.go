package kitti

import "path"

// Calib reads one calibration file of a date; nil where there is none that can
// be read, of which other rules speak.
func (s *RawSource) Calib(date string, kind CalibKind) *Calib {
	for _, d := range s.Dates {
		if d.Name != date {
			continue
		}
		for _, dir := range d.Dirs {
			for file, k := range rawCalibKinds {
				if k != kind {
					continue
				}
				name := path.Join(dir, file)
				if b, err := s.ds.ReadFile(name, maxCalib); err == nil {
					return ParseCalib(name, kind, date, b)
				}
			}
		}
	}
	return nil
}
