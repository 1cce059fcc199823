/** Colours and type of the picture: dark on its own ground, so that it looks the same wherever it is shown. */
import type { Color } from '../../knative/monitoring/dashboard/panel.ts';

export const GROUND = '#111217';
export const CARD = '#1b1d23';
export const EDGE = '#2c2f37';
export const GRID = '#2a2d35';
export const TEXT = '#d8d9dd';
export const FAINT = '#9da1ab';
export const FONT = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

export const COLORS: Readonly<Record<Color, string>> = {
  green: '#73bf69',
  yellow: '#f2cc0c',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#5794f2',
  purple: '#b877d9',
  text: '#8e9199',
};

/** Colours of series without their own, in turn. */
export const PALETTE = [
  COLORS.blue,
  COLORS.green,
  COLORS.orange,
  COLORS.purple,
  COLORS.yellow,
  '#56d2c5',
  '#ff7383',
  '#8ab8ff',
];
