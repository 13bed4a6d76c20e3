-- A copy of the database charges nobody: the saved cards are put away, whatever provider is switched on again.
UPDATE payment_token
   SET active = false;
