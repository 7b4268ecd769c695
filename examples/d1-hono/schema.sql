-- The identity is PostgreSQL's; SQLite's tutorial has "integer PRIMARY KEY AUTOINCREMENT".
create table comments (
  id integer generated always as identity primary key,
  author text not null,
  body text not null,
  post_slug text not null
);
create index idx_comments_post_slug on comments (post_slug);

create table users (user_id integer primary key, email text);
insert into users values (1, 'ada@example.com');
