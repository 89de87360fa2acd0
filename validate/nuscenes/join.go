package nuscenes

// Get gives the sound row with that primary key. Rules that join tables say
// nothing where it fails: a dangling reference and a row that its own record
// refutes are found by rules of their own.
func (t *Table[T]) Get(k Token) (*T, bool) {
	i, ok := t.Find(k)
	if !ok || !t.Sound(i) {
		return nil, false
	}
	return &t.Rows[i], true
}

// SensorOf gives the sensor of a capture.
func (t *Tables) SensorOf(sd *SampleData) (*Sensor, bool) {
	c, ok := t.CalibratedSensor.Get(sd.Calibrated)
	if !ok {
		return nil, false
	}
	return t.Sensor.Get(c.Sensor)
}

// SceneOf gives the scene of a capture, by its sample.
func (t *Tables) SceneOf(sd *SampleData) (*Scene, bool) {
	s, ok := t.Sample.Get(sd.Sample)
	if !ok {
		return nil, false
	}
	return t.Scene.Get(s.Scene)
}

// LogOf gives the log of a capture, by its scene.
func (t *Tables) LogOf(sd *SampleData) (*Log, bool) {
	s, ok := t.SceneOf(sd)
	if !ok {
		return nil, false
	}
	return t.Log.Get(s.Log)
}
