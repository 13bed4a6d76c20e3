def migrate(cr, version):
    """Mail templates call planned lines by their new names, in each language, those changed by hand too."""
    cr.execute(
        """
        UPDATE mail_template
           SET body_html = replace(
                   replace(body_html::text, 'line_ids._planned()', 'line_ids._filtered_planned()'),
                   'line_ids._live()', 'line_ids._filtered_active()'
               )::jsonb
         WHERE body_html::text LIKE '%line\\_ids.\\_planned()%' OR body_html::text LIKE '%line\\_ids.\\_live()%'
        """
    )
