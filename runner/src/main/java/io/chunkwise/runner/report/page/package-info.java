/**
 * One page of plots and tables about any number of results. A section is a function of all results; plots are data that the page's script
 * hands to Chart.js. Everything a plot shows stands in a table, too.
 */
package io.chunkwise.runner.report.page;
