from odoo import fields, models
from odoo.tools import SQL


class ContinuityForecastReport(models.Model):
    """What the plans will take from the stock, and what is there (``docs/behaviour.md#reports``).

    One row for each planned line, and one for the stock of each of their products in each warehouse, dated today.
    """

    _name = 'continuity.forecast.report'
    _description = "Continuity Forecast"
    _inherit = ['continuity.report.mixin']
    _auto = False
    _rec_name = 'product_id'
    _order = 'date, id'
    _depends = {
        'continuity.line': ['date_planned', 'product_id', 'product_uom_id', 'program_line_id', 'quantity', 'state'],
        'continuity.program.line': ['probability'],
        'continuity.subscription': ['order_id', 'state'],
        'product.template': ['categ_id', 'uom_id'],
        'sale.order': ['warehouse_id'],
        'stock.quant': ['location_id', 'product_id', 'quantity', 'reserved_quantity'],
        'uom.uom': ['factor'],
    }

    date = fields.Date(string="Ship On", readonly=True, help="What should have left already counts for today.")
    product_id = fields.Many2one(comodel_name='product.product', readonly=True)
    product_tmpl_id = fields.Many2one(comodel_name='product.template', string="Product Template", readonly=True)
    categ_id = fields.Many2one(comodel_name='product.category', string="Product Category", readonly=True)
    product_uom_id = fields.Many2one(comodel_name='uom.uom', string="Unit", readonly=True)
    warehouse_id = fields.Many2one(comodel_name='stock.warehouse', readonly=True)
    planned_quantity = fields.Float(string="Planned", digits='Product Unit', readonly=True)
    expected_quantity = fields.Float(
        string="Expected", digits='Product Unit', readonly=True, help="What is planned, times its event's probability."
    )
    on_hand_quantity = fields.Float(string="On Hand", digits='Product Unit', readonly=True)
    balance_quantity = fields.Float(
        string="Left Over",
        digits='Product Unit',
        readonly=True,
        help="On hand and not reserved, less what is expected to be sent.",
    )

    def action_view_subscription(self):
        """Open the subscription of a row, or the product of a row of stock."""
        self.ensure_one()
        if not self.subscription_id:
            return self.product_id._get_records_action(context={})
        return super().action_view_subscription()

    @property
    def _table_query(self):
        return SQL("%s UNION ALL %s", self._get_planned_query(), self._get_stock_query())

    def _get_today(self):
        return self.env.company._get_continuity_today()

    def _get_planned_query(self):
        quantity = SQL("line.quantity * unit.factor / product_unit.factor")
        expected = SQL("%s * COALESCE(event.probability, 100) / 100", quantity)
        return SQL(
            """
            SELECT line.id,
                   GREATEST(line.date_planned, %(today)s) AS date,
                   line.product_id,
                   product.product_tmpl_id,
                   template.categ_id,
                   template.uom_id AS product_uom_id,
                   parent.warehouse_id,
                   line.subscription_id,
                   subscription.state AS subscription_state,
                   line.program_id,
                   line.partner_id,
                   line.user_id,
                   line.company_id,
                   %(quantity)s AS planned_quantity,
                   %(expected)s AS expected_quantity,
                   0 AS on_hand_quantity,
                   -(%(expected)s) AS balance_quantity
              FROM continuity_line line
              JOIN continuity_subscription subscription ON subscription.id = line.subscription_id
              JOIN sale_order parent ON parent.id = line.order_id
              JOIN product_product product ON product.id = line.product_id
              JOIN product_template template ON template.id = product.product_tmpl_id
              JOIN uom_uom unit ON unit.id = line.product_uom_id
              JOIN uom_uom product_unit ON product_unit.id = template.uom_id
         LEFT JOIN continuity_program_line event ON event.id = line.program_line_id
             WHERE line.state = 'planned'
               AND subscription.state IN ('running', 'paused')
            """,
            today=self._get_today(),
            quantity=quantity,
            expected=expected,
        )

    def _get_stock_query(self):
        return SQL(
            """
            SELECT -MIN(quant.id) AS id,
                   %(today)s AS date,
                   quant.product_id,
                   product.product_tmpl_id,
                   template.categ_id,
                   template.uom_id AS product_uom_id,
                   location.warehouse_id,
                   NULL::integer AS subscription_id,
                   NULL AS subscription_state,
                   NULL::integer AS program_id,
                   NULL::integer AS partner_id,
                   NULL::integer AS user_id,
                   warehouse.company_id,
                   0 AS planned_quantity,
                   0 AS expected_quantity,
                   SUM(quant.quantity) AS on_hand_quantity,
                   SUM(quant.quantity - quant.reserved_quantity) AS balance_quantity
              FROM stock_quant quant
              JOIN stock_location location ON location.id = quant.location_id AND location.usage = 'internal'
              JOIN stock_warehouse warehouse ON warehouse.id = location.warehouse_id
              JOIN product_product product ON product.id = quant.product_id
              JOIN product_template template ON template.id = product.product_tmpl_id
             WHERE EXISTS (SELECT FROM continuity_line line
                            WHERE line.product_id = quant.product_id AND line.state = 'planned')
          GROUP BY quant.product_id, product.product_tmpl_id, template.categ_id, template.uom_id,
                   location.warehouse_id, warehouse.company_id
            """,
            today=self._get_today(),
        )
