/** Columns that the phases and the memory chart share, so that one moment stands at one place in both. */

/** Width left of the time axis: a phase's icon and name; the chart's labels. */
export const NAME_PX = 108;
/** Width right of it: a phase's figure. */
export const FIGURE_PX = 76;
