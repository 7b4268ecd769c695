-- What the worker that signs people in may do, but for rows that it only adds or uses up through functions: it reads what
-- strangers send.

grant execute on all functions in schema identity to ow_identity;
revoke all on identity.mails, identity.setup_links from ow_identity;
grant insert on identity.mails to ow_identity;
