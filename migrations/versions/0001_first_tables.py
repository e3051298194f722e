"""First tables: reports, people and keys, incidents, records and releases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "audit_entry",
        sa.Column("chain", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.LargeBinary(length=16), nullable=True),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_subject", ["chain", "subject", "seq"], unique=False)

    op.create_table(
        "erasure_order",
        sa.Column("report_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_erasure_order")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("erasure_order", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_erasure_order_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "message",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mailbox", sa.LargeBinary(), nullable=False),
        sa.Column("report_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_mailbox"), ["mailbox"], unique=False)

    op.create_table(
        "organisation",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("identity_key", sa.LargeBinary(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("recognisable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("slug", name=op.f("uq_organisation_slug")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "record",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("ref_year", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(length=12), nullable=False),
        sa.Column("country", sa.String(length=8), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("setting", sa.String(length=40), nullable=False),
        sa.Column("vocabulary", sa.Integer(), nullable=False),
        sa.Column("rkey", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index("ix_record_scope", ["ref_year", "organisation_id"], unique=False)

    op.create_table(
        "record_code",
        sa.Column("record_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "field", "code", name=op.f("pk_record_code")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "release",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("ref_year", sa.Integer(), nullable=False),
        sa.Column("vintage", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("published_once", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("menu_version", sa.Integer(), nullable=False),
        sa.Column("vocabulary", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("created", sa.Date(), nullable=False),
        sa.Column("proposed_by", sa.LargeBinary(length=16), nullable=False),
        sa.Column("checked_by", sa.LargeBinary(length=16), nullable=True),
        sa.Column("previous_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("audited_with", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("scope", "ref_year", "published_once", name=op.f("uq_release_scope")),
    )
    op.create_table(
        "statement",
        sa.Column("release_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("coord", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("ref_year", sa.Integer(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("vintage", sa.Integer(), nullable=False),
        sa.Column("n_ref", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("low", sa.Integer(), nullable=True),
        sa.Column("high", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("release_id", "coord", name=op.f("pk_statement")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "submission",
        sa.Column("by_id", sa.LargeBinary(), nullable=False),
        sa.Column("by_bytes", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("by_id", name=op.f("pk_submission")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_key_id"), ["key_id"], unique=False)

    op.create_table(
        "hand_over",
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_hand_over_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_hand_over")),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("holder_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("object_key", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("digest_epoch", sa.Integer(), nullable=True),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_incident_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index(
            "ix_incident_list", ["organisation_id", "state", "day", "id"], unique=False
        )
        batch_op.create_index(
            "ix_incident_waits",
            ["organisation_id"],
            unique=False,
            sqlite_where=sa.text("waits"),
            postgresql_where=sa.text("waits"),
        )

    op.create_table(
        "intake_key",
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.Date(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("retired", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_intake_key_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_intake_key")),
    )
    with op.batch_alter_table("intake_key", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_intake_key_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "key_grant",
        sa.Column("holder_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_key_grant_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("holder_id", "key_id", name=op.f("pk_key_grant")),
    )
    with op.batch_alter_table("key_grant", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_key_grant_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "member",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sign_in_name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("locale", sa.String(length=12), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sign_in", sa.LargeBinary(), nullable=True),
        sa.Column("member_state", sa.LargeBinary(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_member_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("sign_in_name", name=op.f("uq_member_sign_in_name")),
    )
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_member_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "report",
        sa.Column("report_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("boxed_key", sa.LargeBinary(), nullable=True),
        sa.Column("boxed_epoch", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("mailbox", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_report_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_report")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_mailbox"), ["mailbox"], unique=False)
        batch_op.create_index(
            "ix_report_waiting",
            ["organisation_id", "key_id"],
            unique=False,
            sqlite_where=sa.text("sealed_key IS NOT NULL"),
            postgresql_where=sa.text("sealed_key IS NOT NULL"),
        )

    op.create_table(
        "roster",
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_roster_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "number", name=op.f("pk_roster")),
    )
    op.create_table(
        "signed_head",
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_signed_head_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "seq", "head", name=op.f("pk_signed_head")),
    )
    op.create_table(
        "attachment",
        sa.Column("report_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["report.report_id"],
            name=op.f("fk_attachment_report_id_report"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("report_id", "index", name=op.f("pk_attachment")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invitation",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_invitation_member_id_member")
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_invitation")),
    )
    op.create_table(
        "item",
        sa.Column("object_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("item_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("boxed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["object_id"],
            ["incident.id"],
            name=op.f("fk_item_object_id_incident"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("object_id", "item_id", "revision", name=op.f("pk_item")),
    )
    op.create_table(
        "work",
        sa.Column("report_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("holder_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("claimed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("parent_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("digest_epoch", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_work_incident_id_incident")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_work_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_work")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.create_index(
            "ix_work_all",
            ["organisation_id", "day", "report_id"],
            unique=False,
            sqlite_where=sa.text("parent_id IS NULL"),
            postgresql_where=sa.text("parent_id IS NULL"),
        )
        batch_op.create_index(
            "ix_work_fresh",
            ["organisation_id", "day", "report_id"],
            unique=False,
            sqlite_where=sa.text("fresh"),
            postgresql_where=sa.text("fresh"),
        )
        batch_op.create_index(
            "ix_work_holder",
            ["organisation_id", "state", "holder_id", "day", "report_id"],
            unique=False,
        )
        batch_op.create_index("ix_work_incident", ["incident_id"], unique=False)
        batch_op.create_index("ix_work_parent", ["parent_id"], unique=False)
        batch_op.create_index(
            "ix_work_queue", ["organisation_id", "state", "day", "report_id"], unique=False
        )
        batch_op.create_index(
            "ix_work_unsettled",
            ["organisation_id"],
            unique=False,
            sqlite_where=sa.text("state = 'erased' AND incident_id IS NOT NULL"),
            postgresql_where=sa.text("state = 'erased' AND incident_id IS NOT NULL"),
        )


def downgrade() -> None:
    """Drop every table."""
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_work_unsettled",
            sqlite_where=sa.text("state = 'erased' AND incident_id IS NOT NULL"),
            postgresql_where=sa.text("state = 'erased' AND incident_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_work_queue")
        batch_op.drop_index("ix_work_parent")
        batch_op.drop_index("ix_work_incident")
        batch_op.drop_index("ix_work_holder")
        batch_op.drop_index(
            "ix_work_fresh", sqlite_where=sa.text("fresh"), postgresql_where=sa.text("fresh")
        )
        batch_op.drop_index(
            "ix_work_all",
            sqlite_where=sa.text("parent_id IS NULL"),
            postgresql_where=sa.text("parent_id IS NULL"),
        )

    op.drop_table("work")
    op.drop_table("item")
    op.drop_table("invitation")
    op.drop_table("attachment")
    op.drop_table("signed_head")
    op.drop_table("roster")
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_report_waiting",
            sqlite_where=sa.text("sealed_key IS NOT NULL"),
            postgresql_where=sa.text("sealed_key IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_report_mailbox"))

    op.drop_table("report")
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_organisation_id"))

    op.drop_table("member")
    with op.batch_alter_table("key_grant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_key_grant_organisation_id"))

    op.drop_table("key_grant")
    with op.batch_alter_table("intake_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_intake_key_organisation_id"))

    op.drop_table("intake_key")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_incident_waits", sqlite_where=sa.text("waits"), postgresql_where=sa.text("waits")
        )
        batch_op.drop_index("ix_incident_list")

    op.drop_table("incident")
    op.drop_table("hand_over")
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_submission_key_id"))

    op.drop_table("submission")
    op.drop_table("statement")
    op.drop_table("release")
    op.drop_table("record_code")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index("ix_record_scope")

    op.drop_table("record")
    op.drop_table("outbox")
    op.drop_table("organisation")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_mailbox"))

    op.drop_table("message")
    with op.batch_alter_table("erasure_order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_erasure_order_organisation_id"))

    op.drop_table("erasure_order")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_subject")

    op.drop_table("audit_entry")
