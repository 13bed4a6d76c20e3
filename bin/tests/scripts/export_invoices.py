"""Run by test_einvoices.py in a database with Odoo's electronic invoices: bills a plan in thirds, and reads what each
format says of its instalments."""

from datetime import date

from lxml import etree

from odoo.fields import Command

DUE = [("2027-01-01", "23.10"), ("2027-01-31", "23.10"), ("2027-03-02", "23.10")]
TERMS = ", ".join(f"{day}: {amount} {env.company.currency_id.name}" for day, amount in DUE)
UBL = {"BIS 3": "ubl_bis3", "NLCIUS": "ubl_nl", "XRechnung": "ubl_de"}


def main():
    bill = make_bill()
    for name, builder in UBL.items():
        document = read(env[f"account.edi.xml.{builder}"]._export_invoice(bill)[0])
        # These have one due date, the last one, and a text for all else.
        check(name, document.findtext("{*}DueDate"), DUE[-1][0])
        check(name, document.findtext("{*}PaymentTerms/{*}Note"), TERMS)
        check(name, document.findtext("{*}LegalMonetaryTotal/{*}PayableAmount"), "69.30")
    document = read(env["account.edi.xml.cii"]._export_invoice(bill)[0])
    check("Factur-X", document.findtext(".//{*}SpecifiedTradePaymentTerms/{*}Description"), TERMS)
    check("Factur-X", document.findtext(".//{*}DueDateDateTime/{*}DateTimeString"), DUE[-1][0].replace("-", ""))
    document = read(bill._l10n_it_edi_render_xml())
    check("FatturaPA", document.findtext(".//CondizioniPagamento"), "TP01")
    rows = document.findall(".//DettaglioPagamento")
    said = [(row.findtext("DataScadenzaPagamento"), row.findtext("ImportoPagamento")) for row in rows]
    check("FatturaPA", said, DUE)


def make_bill():
    """The bill of a plan of three books in thirds, of 1 January."""
    env.company.partner_id.write(
        {"street": "1 Long Street", "city": "Rome", "zip": "00100", "country_id": env.ref("base.it").id, "vat": False}
    )
    env.company.partner_id.bank_ids = [Command.create({"acc_number": "IT60X0542811101000000123456"})]
    tax = env["account.tax"].create({"name": "Tax 10%", "amount": 10.0, "type_tax_use": "sale"})
    books = [
        env["product.product"].create(
            {"name": f"Book {price}", "type": "consu", "list_price": price, "taxes_id": [Command.set(tax.ids)]}
        )
        for price in (20.0, 21.0, 22.0)
    ]
    parts = [
        Command.create({"value": "percent", "value_amount": percent, "nb_days": days})
        for percent, days in ((33.33, 0), (33.33, 30), (33.34, 60))
    ]
    program = env["continuity.program"].create(
        {
            "name": "Book Club",
            "bill_upfront": True,
            "payment_term_id": env["account.payment.term"].create({"name": "In thirds", "line_ids": parts}).id,
            "line_ids": [Command.create({"product_id": book.id}) for book in books],
        }
    )
    product = env["product.product"].create(
        {"name": "Membership", "type": "service", "continuity_program_id": program.id, "taxes_id": [Command.clear()]}
    )
    customer = env["res.partner"].create(
        {"name": "Ann", "street": "2 Long Street", "city": "Rome", "zip": "00100", "country_id": env.ref("base.it").id}
    )
    sold = env(su=True, context={"continuity_as_of": "2027-01-01"})
    order = sold["sale.order"].create(
        {"partner_id": customer.id, "order_line": [Command.create({"product_id": product.id})]}
    )
    order.action_confirm()
    env["continuity.job.run"]._execute("process_payments", as_of=date(2027, 1, 1))
    return order.invoice_ids


def read(xml):
    return etree.fromstring(xml if isinstance(xml, bytes) else xml.encode())


def check(name, said, wanted):
    assert said == wanted, f"{name}: {said} instead of {wanted}"


main()
