//! Indicators as text, as an object a line, or as CSV.

use super::Format;
use crate::carve::Carved;
use crate::facts::HostText;
use crate::report::escape::visible;
use std::io::{self, Write};

/// One indicator with the place it was found in.
#[derive(serde::Serialize)]
struct Row<'a> {
    kind: &'a str,
    value: String,
    detail: Option<&'a str>,
    host: Option<String>,
    port: Option<u16>,
    offset: Option<u64>,
    address: Option<u64>,
    region: Option<&'a str>,
    encoding: String,
    source: &'a str,
    context: String,
    count: u64,
    why: &'a str,
}

pub(super) struct Printer<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) format: Format,
    pub(super) several: bool,
    pub(super) started: bool,
}

/// Offset, address and region of an indicator.
type Where<'a> = (Option<u64>, Option<u64>, Option<&'a str>);

impl Printer<'_> {
    pub(super) fn place<'b>(
        &mut self,
        source: &str,
        carved: &[Carved],
        place: impl Fn(u64) -> Where<'b>,
    ) -> io::Result<()> {
        if self.format == Format::Text && self.several && !carved.is_empty() {
            writeln!(self.out, "{}", visible(source))?;
        }
        if self.format == Format::Csv && !self.started {
            writeln!(
                self.out,
                "kind,value,detail,host,port,offset,address,region,encoding,source,context,count,why"
            )?;
        }
        self.started = true;
        for one in carved {
            let (offset, address, region) = place(one.offset);
            let row = Row {
                kind: one.kind,
                value: text(&one.value),
                detail: one.detail.as_deref(),
                host: one.host.as_deref().map(text),
                port: one.port,
                offset,
                address,
                region,
                encoding: one.way.to_string(),
                source,
                context: text(&one.context),
                count: one.count,
                why: &one.why,
            };
            match self.format {
                Format::Text => self.text(&row)?,
                Format::Jsonl => {
                    serde_json::to_writer(&mut *self.out, &row)?;
                    self.out.write_all(b"\n")?;
                }
                Format::Csv => self.csv(&row)?,
            }
        }
        Ok(())
    }

    fn text(&mut self, row: &Row<'_>) -> io::Result<()> {
        let at = row.address.or(row.offset).unwrap_or(0);
        let region =
            row.region.map_or_else(String::new, |region| format!(" in {}", visible(region)));
        let detail =
            row.detail.map_or_else(String::new, |detail| format!(" [{}]", visible(detail)));
        let times = if row.count > 1 { format!(", {} times", row.count) } else { String::new() };
        let encoding =
            if row.encoding == "ascii" { String::new() } else { format!(", {}", row.encoding) };
        writeln!(self.out, "{at:#014x}  {:<12}  {}{detail}", row.kind, visible(&row.value))?;
        writeln!(self.out, "{:30}{}{encoding}{times}{region}", "", visible(row.why))?;
        if row.context != row.value && row.kind != "miner-config" {
            writeln!(self.out, "{:30}{}", "", visible(&row.context))?;
        }
        Ok(())
    }

    fn csv(&mut self, row: &Row<'_>) -> io::Result<()> {
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let cells = [
            row.kind.to_owned(),
            row.value.clone(),
            row.detail.unwrap_or_default().to_owned(),
            row.host.clone().unwrap_or_default(),
            number(row.port.map(u64::from)),
            number(row.offset),
            number(row.address),
            row.region.unwrap_or_default().to_owned(),
            row.encoding.clone(),
            row.source.to_owned(),
            row.context.clone(),
            row.count.to_string(),
            row.why.to_owned(),
        ];
        let quoted: Vec<String> = cells
            .iter()
            .map(|cell| format!("\"{}\"", cell_text(cell).replace('"', "\"\"")))
            .collect();
        writeln!(self.out, "{}", quoted.join(","))
    }
}

fn text(bytes: &[u8]) -> String {
    HostText::from(bytes).escaped()
}

/// A cell that a spreadsheet shows and does not run.
fn cell_text(cell: &str) -> String {
    let mark = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("{mark}{}", visible(cell))
}
